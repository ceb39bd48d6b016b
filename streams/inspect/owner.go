package inspect

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// peerTimeout is how long a peer may take, with the wait that the request asks of it.
const peerTimeout = longestWait + 5*time.Second

// mostBody is how much of the answer of a peer is passed on.
const mostBody = 64 << 20

// pass asks the process that has the rows, and gives its answer. A request that was passed on is not passed on again:
// so no two processes, each of which takes the other for the owner, send it to and fro.
func (s *stores) pass(w http.ResponseWriter, r *http.Request, store string, away *streams.UnavailableError) error {
	if r.Header.Get(hopHeader) != "" {
		return away
	}
	declared, err := s.app.Store(store)
	if err != nil {
		return err
	}
	owner, err := s.app.Owner(r.Context(), declared, streams.InPartition(away.Partition))
	switch {
	case errors.As(err, &away), errors.Is(err, streams.ErrNotRunning):
		return err
	case err != nil:
		return refuse(http.StatusBadRequest, "%v", err)
	case owner.Here:
		return refuse(http.StatusServiceUnavailable, "partition %d is on its way to this process", owner.Partition)
	case owner.Endpoint == "":
		return refuse(http.StatusServiceUnavailable,
			"another process has partition %d, and tells no streams.Config.Endpoint", owner.Partition)
	}
	return s.ask(w, r, strings.TrimSuffix(owner.Endpoint, "/")+"/stores/"+url.PathEscape(store)+"?"+r.URL.RawQuery)
}

// ask passes a request on.
func (s *stores) ask(w http.ResponseWriter, r *http.Request, to string) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, to, nil)
	if err != nil {
		return err
	}
	req.Header.Set(hopHeader, "1")
	if who := r.Header.Get("Authorization"); who != "" {
		req.Header.Set("Authorization", who)
	}
	client := s.options.Client
	if client == nil {
		client = &http.Client{Timeout: peerTimeout}
	}
	resp, err := client.Do(req)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, "the process that has the rows does not answer: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	header(w, resp.Header.Get("Content-Type"))
	if again := resp.Header.Get("Retry-After"); again != "" {
		w.Header().Set("Retry-After", again)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(resp.Body, mostBody)) // one of both may be gone
	return nil
}

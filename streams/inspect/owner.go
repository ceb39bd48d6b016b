package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// peerTimeout is how long a peer may take, with the wait that the request asks of it.
const peerTimeout = longestWait + 5*time.Second

// peerConnections is how many connections to a peer are kept for the next requests.
const peerConnections = 64

// peerClient asks peers unless Options.Client does. It is made at the first request: a program may have set up the
// default transport until then.
var peerClient = sync.OnceValue(func() *http.Client {
	c := &http.Client{Timeout: peerTimeout, Transport: http.DefaultTransport}
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, peerConnections
		c.Transport = t
	}
	return c
})

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
	return s.ask(w, r, store, owner.Endpoint)
}

// ask passes a request on.
func (s *stores) ask(w http.ResponseWriter, r *http.Request, store, endpoint string) error {
	to := strings.TrimSuffix(endpoint, "/") + "/stores/" + url.PathEscape(store) + "?" + r.URL.RawQuery
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, to, nil)
	if err != nil {
		return err
	}
	req.Header.Set(hopHeader, cmp.Or(s.id, "1"))
	if who := r.Header.Get("Authorization"); who != "" {
		req.Header.Set("Authorization", who)
	}
	client := s.options.Client
	if client == nil {
		client = peerClient()
	}
	resp, err := client.Do(req)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, "the process that has the rows does not answer: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostBody))
	if err != nil { // half of an answer would look like one to who gets it
		return refuse(http.StatusServiceUnavailable, "the process that has the rows does not answer to the end: %v", err)
	}
	if !s.answers(resp, body, store) {
		return refuse(http.StatusServiceUnavailable, "no process of application %s answers at %s", s.id, endpoint)
	}
	header(w, resp.Header.Get("Content-Type"))
	if again := resp.Header.Get("Retry-After"); again != "" {
		w.Header().Set("Retry-After", again)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body) // who asked may be gone
	return nil
}

// answers is whether an answer is that of a process of this application. The address of one that was killed may be
// another's by now, and the group does not know it yet. Releases before tell no application.
func (s *stores) answers(resp *http.Response, body []byte, store string) bool {
	if id := resp.Header.Get(appHeader); id != "" {
		return id == s.id
	}
	name, err := json.Marshal(store)
	if err != nil {
		return false
	}
	rows, failure := append([]byte(`{"store":`), name...), []byte(`{"error":`)
	return bytes.HasPrefix(body, rows) || bytes.HasPrefix(body, failure)
}

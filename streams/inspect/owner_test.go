package inspect

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// awayApp has nothing: another process has all rows.
type awayApp struct {
	shownApp
	endpoint string
}

func (a awayApp) Store(name string) (state.Declaration, error) {
	return state.NewKeyValue(name, serde.String, serde.String), nil
}

func (a awayApp) View(context.Context, state.Declaration, ...streams.ViewOption) (*streams.View, error) {
	return nil, &streams.UnavailableError{Store: "rows", Partition: 3}
}

func (a awayApp) Owner(context.Context, state.Declaration, ...streams.ViewOption) (streams.Owner, error) {
	return streams.Owner{Partition: 3, Endpoint: a.endpoint}, nil
}

// askAway asks a process for rows that another one has, which answers as it is told.
func askAway(t *testing.T, other http.HandlerFunc) *httptest.ResponseRecorder {
	peer := httptest.NewServer(other)
	defer peer.Close()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stores/rows?key=a", nil)
	Handler(awayFrom(peer.URL), Options{ShowRecords: true}).ServeHTTP(w, r)
	return w
}

func awayFrom(endpoint string) awayApp {
	return awayApp{shownApp{streams.Snapshot{App: "orders"}}, endpoint}
}

// TestHalfAnAnswerIsNone: the process that has the rows is killed while it answers. What it has sent until then is no
// answer to pass on as one.
func TestHalfAnAnswerIsNone(t *testing.T) {
	w := askAway(t, func(w http.ResponseWriter, _ *http.Request) {
		header(w, "application/json")
		_, err := w.Write([]byte(`{"store":"rows","rows":[{"key":"a"`))
		require.NoError(t, err)
		require.NoError(t, http.NewResponseController(w).Flush())
		panic(http.ErrAbortHandler)
	})
	require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body.String())
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), "does not answer")
}

// TestAnswersOfOthersArePassedOn: with their status, and when to ask again.
func TestAnswersOfOthersArePassedOn(t *testing.T) {
	w := askAway(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "key=a", r.URL.RawQuery)
		w.Header().Set("Retry-After", "7")
		answer(w, http.StatusServiceUnavailable, map[string]string{"error": "it moves"})
	})
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "7", w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"error":"it moves"}`, w.Body.String())
}

// TestAddressOfAnother: the process that had the rows was killed, and something else listens at its address until the
// group knows. What that answers is not passed on, and another application does not answer by itself either.
func TestAddressOfAnother(t *testing.T) {
	for name, other := range map[string]http.HandlerFunc{
		"another application": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Millstream-App", "payments")
			answer(w, http.StatusOK, StoreRows{Store: "rows", Rows: []StoreRow{{Key: "a", Value: "b"}}})
		},
		"rows of another store": func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, StoreRows{Store: "others"})
		},
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			header(w, "text/html")
			_, _ = w.Write([]byte("<html>"))
		},
		"nothing there": http.NotFound,
	} {
		w := askAway(t, other)
		require.Equal(t, http.StatusServiceUnavailable, w.Code, "%s: %s", name, w.Body)
		require.Equal(t, "1", w.Header().Get("Retry-After"))
		require.Contains(t, w.Body.String(), "no process of application orders")
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stores/rows?key=a", nil)
	r.Header.Set("Millstream-Hop", "payments")
	Handler(awayFrom("http://localhost:1"), Options{ShowRecords: true}).ServeHTTP(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "application orders")
}

// TestReleasesBeforeAnswer: answers of processes that do not tell their application yet are passed on.
func TestReleasesBeforeAnswer(t *testing.T) {
	w := askAway(t, func(w http.ResponseWriter, r *http.Request) {
		require.NotEmpty(t, r.Header.Get("Millstream-Hop"))
		answer(w, http.StatusOK, StoreRows{Store: "rows", Rows: []StoreRow{{Key: "a", Value: "b"}}})
	})
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	w = askAway(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusBadRequest, map[string]string{"error": "no such key"})
	})
	require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
}

// TestSnapshotOfAnother: what listens at the address of a peer is another application.
func TestSnapshotOfAnother(t *testing.T) {
	peer := httptest.NewServer(Handler(shownApp{streams.Snapshot{App: "payments"}}, Options{}))
	defer peer.Close()
	p := &peers{own: shownApp{streams.Snapshot{App: "orders"}}}
	_, err := p.snapshot(t.Context(), peer.URL, "")
	require.ErrorContains(t, err, "is of application payments")
	p.own = shownApp{streams.Snapshot{App: "payments"}}
	_, err = p.snapshot(t.Context(), peer.URL, "")
	require.NoError(t, err)
}

// TestPeersKeepConnections: requests that are passed on leave their connections to the next ones. Each that is closed
// keeps a port of this machine for a minute.
func TestPeersKeepConnections(t *testing.T) {
	const askers, times = 16, 200
	var opened atomic.Int64
	peer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, StoreRows{Store: "rows"})
	}))
	peer.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	peer.Start()
	defer peer.Close()
	handler := Handler(awayFrom(peer.URL), Options{ShowRecords: true})
	var wait sync.WaitGroup
	for range askers {
		wait.Go(func() {
			for range times {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stores/rows?key=a", nil)
				handler.ServeHTTP(w, r)
				assert.Equal(t, http.StatusOK, w.Code, w.Body)
			}
		})
	}
	wait.Wait()
	require.LessOrEqual(t, opened.Load(), int64(5*askers))
}

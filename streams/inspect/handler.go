package inspect

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// App is what is served: a *streams.App.
type App interface {
	Snapshot() streams.Snapshot
}

// Options are the settings of a Handler. The zero value is sound.
type Options struct {
	// Bound is how long the code of a step may take for one call, and a worker from one step to the next, before the
	// application is not alive any more. Default: DefaultBound.
	Bound time.Duration
	// ShowRecords lets stores be read: their rows are what is in records. By default they are not shown.
	ShowRecords bool
	// Redact, if it is set, returns what is shown in place of a value: it gets the store and the decoded value, which it
	// must not change, and is called from many goroutines. Keys are shown, as requests and pages go by them; failed
	// records, which are bytes, are not. Processes that answer for each other should have the same.
	Redact func(store string, value any) any
	// Client asks other processes for rows that they have. Default: one with a timeout of 35 s.
	Client *http.Client
}

// Handler serves all paths of the package, below a prefix that was stripped. It may serve any number of requests at a
// time; none of them keeps the application waiting.
func Handler(app App, o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /livez", Livez(app, o))
	mux.Handle("GET /readyz", Readyz(app, o))
	asked, _ := app.(Stores)
	rows := &stores{app: asked, id: app.Snapshot().App, options: o, topo: topologyOf(app)}
	mux.Handle("GET /stores/{store}", rows)
	mux.Handle("GET /failures/{topic}/{partition}/{offset}", &failures{app, o})
	page := newPage(app, rows)
	mux.HandleFunc("GET /api/v1/instances", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, page.peers.ask(r.Context(), r.Header.Get("Authorization")))
	})
	mux.HandleFunc("GET /api/v1/topology", func(w http.ResponseWriter, _ *http.Request) { describe(w, rows.topo) })
	mux.Handle("GET /{$}", page)
	mux.HandleFunc("GET /page.js", page.script)
	mux.HandleFunc("GET /live", page.live)
	mux.HandleFunc("GET /api/v1/snapshot", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, app.Snapshot())
	})
	return mux
}

// Livez answers 200 while the application is alive, 503 when it should be started again: see Health.
func Livez(app App, o Options) http.Handler {
	return check(app, o, func(h Health) bool { return h.Alive })
}

// Readyz answers 200 while all tasks of the application run, else 503.
func Readyz(app App, o Options) http.Handler {
	return check(app, o, func(h Health) bool { return h.Ready })
}

func check(app App, o Options, good func(h Health) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := HealthOf(app.Snapshot(), o.Bound)
		status, word := http.StatusOK, "ok\n"
		if !good(h) {
			status, word = http.StatusServiceUnavailable, h.State.String()+"\n"
		}
		if r.URL.Query().Has("verbose") {
			answer(w, status, h)
			return
		}
		header(w, "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(word)) // who asked may be gone
	})
}

// topologyOf is what an application runs, nil if it cannot tell.
func topologyOf(app App) *graph.Topology {
	if t, ok := app.(interface{ Topology() *topology.Topology }); ok {
		return (*graph.Topology)(t.Topology())
	}
	return nil
}

// describe answers with a topology as topology.JSON has it.
func describe(w http.ResponseWriter, t *graph.Topology) {
	if t == nil {
		refused(w, refuse(http.StatusNotFound, "the topology is not known"))
		return
	}
	text, err := (*topology.Topology)(t).JSON()
	if err != nil {
		refused(w, err)
		return
	}
	header(w, "application/json")
	_, _ = w.Write(text) // who asked may be gone
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header(w, "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who asked may be gone
}

func header(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", content)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

package inspect

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

//go:embed page
var pageFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"clock": pageTime, "ms": pageMilliseconds, "json": pageJSON, "bytes": pageBytes, "phases": pagePhases,
	"round": func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) },
	"span":  func(r streams.Restore) int64 { return max(1, r.End-r.From) },
	"done":  func(r streams.Restore) int64 { return max(0, r.Offset-r.From) },
	"eta":   pageEnd,
}).ParseFS(pageFiles, "page/page.html"))

// page shows an application to people: as HTML, which is readable without JavaScript, and live by server-sent events
// with it. It asks nothing of any other host.
type page struct {
	app     App
	stores  *stores
	picture template.HTML
	names   []string // of the stores that can be read
	watched atomic.Int64
}

// mostWatchers is how many may watch the page live at a time.
const mostWatchers = 64

// liveEvery is the time between two looks of who watches.
const liveEvery = time.Second

func newPage(app App, s *stores) *page {
	p := &page{app: app, stores: s}
	if t, ok := app.(interface{ Topology() *topology.Topology }); ok {
		p.picture = template.HTML(t.Topology().SVG()) //nolint:gosec // names in it are escaped
		p.names = readable(t.Topology())
	}
	return p
}

// shownPage is what the template shows.
type shownPage struct {
	S          streams.Snapshot
	Checks     []Check
	Picture    template.HTML
	Tasks      []streams.TaskStatus
	Stores     []pageStore
	StoreNames []string
	Commits    []streams.Commit
	Ask        bool
	Asked      asked
}

// pageStore is a store in all tasks of the process.
type pageStore struct {
	streams.StoreStatus
	Tasks int
}

// asked is what the form asks of a store, with the answer.
type asked struct {
	Store, Key string
	Answer     *StoreRows
	Error      string
}

// mostShownCommits is how many commits the page shows.
const mostShownCommits = 20

func (p *page) look() shownPage {
	s := p.app.Snapshot()
	v := shownPage{S: s, Checks: Checks(s), Picture: p.picture, Tasks: slices.Clone(s.Tasks)}
	v.Ask = p.stores.app != nil && p.stores.options.ShowRecords
	slices.SortStableFunc(v.Tasks, func(a, b streams.TaskStatus) int {
		return cmp.Or(cmp.Compare(badness(b), badness(a)), cmp.Compare(b.Lag(), a.Lag()))
	})
	v.Stores, v.StoreNames = storesOf(s), p.names
	v.Commits = slices.Clone(s.Commits[max(0, len(s.Commits)-mostShownCommits):])
	slices.Reverse(v.Commits)
	return v
}

// readable are the stores of a topology that the page can read.
func readable(t *topology.Topology) (names []string) {
	subs := slices.Clip(t.Subs)
	if t.Global != nil {
		subs = append(subs, t.Global)
	}
	kinds := []state.Kind{state.KindKeyValue, state.KindWindow, state.KindSession, state.KindVersioned}
	for _, sub := range subs {
		for _, s := range sub.Stores {
			if slices.Contains(kinds, s.Kind()) {
				names = append(names, s.Name())
			}
		}
	}
	slices.Sort(names)
	return names
}

// badness is 2 for a task that does not run, 1 for one that has left a record out.
func badness(t streams.TaskStatus) int {
	switch {
	case !t.Running:
		return 2
	case t.Error != "":
		return 1
	}
	return 0
}

// storesOf are the stores of all tasks, those of one name added up.
func storesOf(s streams.Snapshot) (all []pageStore) {
	for _, t := range s.Tasks {
		for _, store := range t.Stores {
			i := slices.IndexFunc(all, func(p pageStore) bool { return p.Store == store.Store })
			if i < 0 {
				all = append(all, pageStore{store, 1})
				continue
			}
			all[i].Tasks++
			all[i].CachedRows += store.CachedRows
			all[i].CachedBytes += store.CachedBytes
			all[i].DiskBytes = max(0, all[i].DiskBytes) + max(0, store.DiskBytes)
		}
	}
	slices.SortFunc(all, func(a, b pageStore) int { return cmp.Compare(a.Store, b.Store) })
	return all
}

// ServeHTTP answers with the page.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := p.look()
	if name := r.URL.Query().Get("store"); name != "" && v.Ask {
		v.Asked = p.ask(r, name, r.URL.Query().Get("key"))
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header(w, "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; "+
		"connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'")
	_, _ = w.Write(b.Bytes()) // who asked may be gone
}

// ask looks a key up as GET stores/{store} does, in this process or in the one that has it; without a key it shows the
// first rows.
func (p *page) ask(r *http.Request, name, key string) asked {
	q := url.Values{"limit": {"20"}}
	if key != "" {
		q.Set("key", key)
	}
	req := r.Clone(r.Context())
	req.URL = &url.URL{Path: "/stores/" + name, RawQuery: q.Encode()}
	req.SetPathValue("store", name)
	answer := &recorded{header: http.Header{}}
	p.stores.ServeHTTP(answer, req)
	out := asked{Store: name, Key: key}
	var failure struct{ Error string }
	err := json.Unmarshal(answer.body.Bytes(), &failure)
	if out.Error = failure.Error; out.Error == "" && err == nil {
		out.Answer = &StoreRows{}
		err = json.Unmarshal(answer.body.Bytes(), out.Answer)
	}
	if err != nil {
		out.Answer, out.Error = nil, err.Error()
	}
	return out
}

// recorded is an answer for the page.
type recorded struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(int)             {}
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }

// script answers with the page's JavaScript.
func (p *page) script(w http.ResponseWriter, _ *http.Request) {
	text, err := pageFiles.ReadFile("page/page.js")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header(w, "text/javascript; charset=utf-8")
	_, _ = w.Write(text) // who asked may be gone
}

// liveParts are the parts of the page that come anew, by their ids.
var liveParts = []string{"state", "checks", "tasks", "restores", "stores", "commits", "drops"}

// live sends the parts of the page that have changed, once a second until the reader goes.
func (p *page) live(w http.ResponseWriter, r *http.Request) {
	defer p.watched.Add(-1)
	if p.watched.Add(1) > mostWatchers {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many watch this page", http.StatusServiceUnavailable)
		return
	}
	header(w, "text/event-stream")
	out := http.NewResponseController(w)
	sent := map[string]string{}
	for ticks := time.NewTicker(liveEvery); ; {
		if err := p.send(w, sent); err != nil || out.Flush() != nil {
			ticks.Stop()
			return
		}
		select {
		case <-r.Context().Done():
			ticks.Stop()
			return
		case <-ticks.C:
		}
	}
}

// send writes one event with what differs from what was sent before.
func (p *page) send(w http.ResponseWriter, sent map[string]string) error {
	v, changed := p.look(), map[string]string{}
	for _, name := range liveParts {
		var b bytes.Buffer
		if err := pageTemplate.ExecuteTemplate(&b, name, v); err != nil {
			return err
		}
		if was, ok := sent[name]; !ok || was != b.String() {
			text := b.String()
			sent[name], changed[name] = text, text
		}
	}
	text, err := json.Marshal(changed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "data: %s\n\n", text)
	return err
}

package inspect

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
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
	"cut":   func(text string) string { return cut(text, mostText) },
	"bars":  rowBars, "times": streamTimes, "more": moreRows,
	"record": pageRecordBytes, "count": pageCount, "closed": pageClosed,
	"encodings": func() []string { return []string{"text", "hex", "base64"} },
}).ParseFS(pageFiles, "page/page.html"))

// page shows an application to people: as HTML, which is readable without JavaScript, and live by server-sent events
// with it. It asks nothing of any other host.
type page struct {
	app     App
	stores  *stores
	peers   *peers
	rates   rates
	topo    *graph.Topology // nil: it is not known
	steps   []step
	names   []string // of the stores that can be read
	watched atomic.Int64
	now     liveNow
}

func newPage(app App, s *stores) *page {
	p := &page{app: app, stores: s, topo: s.topo, peers: &peers{own: app, client: s.options.Client}}
	p.peers.app, _ = app.(interface {
		Instances(ctx context.Context) (streams.Instances, error)
	})
	if p.topo != nil {
		p.names, p.steps = readable(p.topo), stepsOf(p.topo)
	}
	return p
}

// shownPage is what the template shows.
type shownPage struct {
	S          streams.Snapshot
	Checks     []Check // what was found first
	Found      int     // how many of them have found something
	Picture    template.HTML
	Steps      []step
	TimeLine   template.HTML
	Happenings []streams.Happening
	Failures   []pageFailure // the newest one first
	Drops      []pageDrop
	Peers      Peers
	Tasks      []pageTask
	MoreTasks  int
	Restores   []streams.Restore
	MoreOfThem int
	Stores     []pageStore
	StoreNames []string
	Commits    []streams.Commit
	Ask        bool
	Tests      bool // of failures
	Asked      asked
}

// pageStore is a store in all tasks of the process.
type pageStore struct {
	streams.StoreStatus
	Tasks int
}

const (
	mostShownCommits = 20
	mostShownTasks   = 100
)

// first are the first values, as many as are shown, and how many more there are.
func first[T any](all []T, most int) (shown []T, more int) {
	n := min(len(all), most)
	return all[:n], len(all) - n
}

func (p *page) look(r *http.Request) shownPage {
	s := p.app.Snapshot()
	v := shownPage{S: s, Steps: p.steps, Tasks: tasksOf(s), Failures: failuresOf(s), Drops: dropsOf(s, p.topo)}
	v.Peers = p.peers.ask(r.Context(), r.Header.Get("Authorization"))
	v.Checks = causes(s, p.topo, v.Peers.Unowned, v.Peers.tasks())
	slices.SortStableFunc(v.Checks, func(a, b Check) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, c := range v.Checks {
		if c.Found != "" {
			v.Found++
		}
	}
	if p.topo != nil {
		svg := (*topology.Topology)(p.topo).SVGWith(marksOf(p.topo, s, p.rates.look(s)))
		v.Picture = template.HTML(fitting(svg)) //nolint:gosec // names in it are escaped
	}
	v.TimeLine, v.Happenings = timeLine(s), happenings(s)
	v.Ask = p.stores.app != nil && p.stores.options.ShowRecords
	v.Tests = v.Ask && p.stores.options.Redact == nil
	v.Tasks, v.MoreTasks = first(v.Tasks, mostShownTasks)
	v.Restores, v.MoreOfThem = first(s.Restores, mostShownTasks)
	v.Stores, v.StoreNames = storesOf(s), p.names
	v.Commits = slices.Clone(s.Commits[max(0, len(s.Commits)-mostShownCommits):])
	slices.Reverse(v.Commits)
	return v
}

// readable are the stores of a topology that the page can read.
func readable(t *graph.Topology) (names []string) {
	subs := slices.Clip(t.Subs())
	if t.Global() != nil {
		subs = append(subs, t.Global())
	}
	kinds := []state.Kind{storage.KindKeyValue, storage.KindWindow, storage.KindSession, storage.KindVersioned}
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
	v := p.look(r)
	if name := r.URL.Query().Get("store"); name != "" && v.Ask {
		v.Asked = p.ask(r, v)
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

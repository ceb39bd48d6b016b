package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Stores is what the handler of stores needs of an App: a *streams.App.
type Stores interface {
	Store(name string) (state.Declaration, error)
	View(ctx context.Context, store state.Declaration, options ...streams.ViewOption) (*streams.View, error)
	Owner(ctx context.Context, store state.Declaration, options ...streams.ViewOption) (streams.Owner, error)
}

// StoreRows is the answer of GET stores/{store}.
type StoreRows struct {
	Store    string           `json:"store"`
	Kind     state.Kind       `json:"kind"`
	Rows     []StoreRow       `json:"rows"`
	Position streams.Position `json:"position"` // of the rows in the inputs of their tasks
	At       time.Time        `json:"at"`       // see streams.View.At
	// Partition is the one that was asked: that of the query, or that into which the default partitioner puts the key. It
	// is nil where all tasks of the process were, and for global tables.
	Partition *int32 `json:"partition,omitempty"`
	// StreamTime is that of the store in its task, of several tasks the latest one, in milliseconds: see
	// StoreRow.StreamTime. Windows are what the
	// step that keeps the store declares, and GraceMs their grace period. They are of stores with windows and sessions.
	StreamTime *int64 `json:"stream_time,omitempty"`
	Windows    string `json:"windows,omitempty"`
	GraceMs    *int64 `json:"grace_ms,omitempty"`
	// Next is the query that shows the rows behind these; empty: there are none.
	Next string `json:"next,omitempty"`
}

// StoreRow is a row of a store. What a kind does not have is left out.
type StoreRow struct {
	Key       any    `json:"key"`
	Value     any    `json:"value"`
	Timestamp *int64 `json:"timestamp,omitempty"` // milliseconds
	Start     *int64 `json:"start,omitempty"`     // of a window or session, milliseconds
	End       *int64 `json:"end,omitempty"`       // of a window, if it is known, or session, or version, milliseconds
	// Closes is the stream time at which the window or session takes no more records, and Closed whether it has come.
	Closes *int64 `json:"closes,omitempty"`
	Closed *bool  `json:"closed,omitempty"`
	// Partition is that of the task which has the row, and StreamTime the store's there, in milliseconds, by which its
	// windows close. Global tables have neither.
	Partition  *int32 `json:"partition,omitempty"`
	StreamTime *int64 `json:"stream_time,omitempty"`
}

// UnmarshalJSON keeps numbers in keys and values as they are written, as json.Number: a float64 lacks digits of an
// int64.
func (r *StoreRow) UnmarshalJSON(text []byte) error {
	type plain StoreRow
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode((*plain)(r))
}

const (
	mostBytes   = 8 << 20 // of rows in an answer, with one row more
	pageRows    = 100
	mostRows    = 1_000
	defaultWait = 5 * time.Second // for a position
	longestWait = 30 * time.Second
	// hopHeader is of a request that a process has passed on, with its application; releases before put a 1 there.
	hopHeader = "Millstream-Hop"
	appHeader = "Millstream-App" // of an answer: the application
)

// stores serves rows of stores.
type stores struct {
	app     Stores
	id      string          // of the application
	topo    *graph.Topology // nil: it is not known
	options Options
}

// refusal is an answer that is not the rows.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers with rows of a store, from this process or from the one that has them.
func (s *stores) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("store")
	w.Header().Set(appHeader, s.id)
	if of := r.Header.Get(hopHeader); of != "" && of != "1" && of != s.id {
		refused(w, refuse(http.StatusServiceUnavailable, "this is application %s, not %s", s.id, of))
		return
	}
	rows, err := s.rows(r, name)
	var away *streams.UnavailableError
	if errors.As(err, &away) && !away.Here && away.Partition >= 0 {
		err = s.pass(w, r, name, away)
		if err == nil {
			return
		}
	}
	if err != nil {
		refused(w, err)
		return
	}
	answer(w, http.StatusOK, rows)
}

// rows answers from this process.
func (s *stores) rows(r *http.Request, name string) (*StoreRows, error) {
	if s.app == nil || !s.options.ShowRecords {
		return nil, refuse(http.StatusForbidden, "contents of records are not shown: inspect.Options.ShowRecords is not set")
	}
	store, err := s.app.Store(name)
	if err != nil {
		return nil, err
	}
	values := r.URL.Query()
	q, err := parseQuery(storage.Of(store), values)
	if err != nil {
		return nil, err
	}
	q.gone = r.Context().Err
	if redact := s.options.Redact; redact != nil {
		q.redact = func(value any) any { return redact(name, value) }
	}
	ctx, cancel := context.WithTimeout(r.Context(), q.wait)
	defer cancel()
	view, err := s.app.View(ctx, store, q.options...)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	out := &StoreRows{Store: name, Kind: storage.Of(store).Kind(), Rows: []StoreRow{}, At: view.At()}
	if out.Position, err = view.Position(); err != nil {
		return nil, err
	}
	opened := view.Store(name)
	q.shown = storage.ShownBy(opened)
	if tasks := q.shown.Tasks(); len(tasks) == 1 && tasks[0] >= 0 && (values.Has("key") || values.Has("partition")) {
		out.Partition = &tasks[0]
	}
	if err := q.read(storage.HandleOf(opened), out); err != nil {
		return nil, err
	}
	s.setTimes(out, view.StreamTime())
	return out, nil
}

// setTimes says of windows and sessions when they close.
func (s *stores) setTimes(out *StoreRows, streamTime time.Time) {
	if out.Kind != storage.KindWindow && out.Kind != storage.KindSession {
		return
	}
	if !streamTime.IsZero() {
		ms := streamTime.UnixMilli()
		out.StreamTime = &ms
	}
	if s.topo == nil {
		return
	}
	w := windowsOf(s.topo, out.Store)
	if w.text == "" {
		return
	}
	grace := w.grace.Milliseconds()
	out.Windows, out.GraceMs = w.text, &grace
	for i := range out.Rows {
		row := &out.Rows[i]
		if row.End == nil && row.Start != nil {
			if end, ok := w.end(*row.Start); ok {
				row.End = &end
			}
		}
		if row.End == nil {
			continue
		}
		closes := w.closes(*row.End)
		closed := row.StreamTime != nil && closes <= *row.StreamTime
		row.Closes, row.Closed = &closes, &closed
	}
}

// refused answers an error: what passes by itself is 503, to be asked again.
func refused(w http.ResponseWriter, err error) {
	status, away := http.StatusInternalServerError, (*streams.UnavailableError)(nil)
	var refusal *refusal
	var stale *streams.StaleError
	switch {
	case errors.As(err, &refusal):
		status = refusal.status
	case errors.Is(err, streams.ErrPosition):
		status = http.StatusBadRequest
	case errors.Is(err, streams.ErrNoStore):
		status = http.StatusNotFound
	case errors.As(err, &away), errors.As(err, &stale), errors.Is(err, streams.ErrNotRunning),
		errors.Is(err, streams.ErrViewClosed), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		status = http.StatusServiceUnavailable
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	answer(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

// query is what a request asks of a store.
type query struct {
	options []streams.ViewOption
	wait    time.Duration
	values  url.Values
	kind    state.Kind
	keys    typed // of the store
	shown   storage.Shown
	limit   int
	skip    int // rows of the first time, which were shown before
	reverse bool
	gone    func() error // is an error when nobody waits for the answer any more
	// redact is what is shown of a value; nil: the value.
	redact func(value any) any
	// versions asks for the history of a key in place of one version.
	versions bool
}

// parseQuery reads the parameters of a request.
func parseQuery(spec storage.Spec, values url.Values) (q *query, err error) {
	q = &query{wait: longestWait, values: values, kind: spec.Kind(), limit: pageRows}
	q.keys = typed{serde: spec.Options().Keys}
	if text := values.Get("encoding"); text != "" {
		if q.keys.encoding, err = codingOf(text); err != nil {
			return nil, refuse(http.StatusBadRequest, "parameter encoding: %v", err)
		}
	}
	known := map[string]func(text string) error{
		"key":       q.ofKey,
		"encoding":  nil,
		"from":      nil,
		"to":        nil,
		"at":        nil,
		"prefix":    nil,
		"partition": q.inPartition,
		"position":  q.atLeast,
		"max_age":   q.atMostOld,
		"wait":      func(text string) error { return duration(text, longestWait, &q.wait) },
		"limit":     func(text string) error { return number(text, 1, mostRows, &q.limit) },
		"skip":      func(text string) error { return number(text, 0, 1<<31, &q.skip) },
		"versions":  func(text string) (err error) { q.versions, err = strconv.ParseBool(text); return err },
		"reverse":   func(text string) (err error) { q.reverse, err = strconv.ParseBool(text); return err },
	}
	if values.Has("position") {
		q.wait = defaultWait
	}
	for name, texts := range values {
		parse, ok := known[name]
		switch {
		case !ok:
			return nil, refuse(http.StatusBadRequest, "there is no parameter %s", name)
		case len(texts) != 1:
			return nil, refuse(http.StatusBadRequest, "parameter %s is given %d times", name, len(texts))
		case parse == nil:
			continue
		}
		if err := parse(texts[0]); err != nil {
			return nil, refuse(http.StatusBadRequest, "parameter %s: %v", name, err)
		}
	}
	return q, nil
}

func (q *query) ofKey(text string) error {
	key, err := q.keys.parse(text)
	if err != nil {
		return err
	}
	b, err := q.keys.encode(key)
	if err == nil && !q.values.Has("partition") {
		q.options = append(q.options, streams.OfKeyBytes(b, nil))
	}
	return err
}

func (q *query) inPartition(text string) error {
	n := 0
	err := number(text, 0, 1<<31-1, &n)
	q.options = append(q.options, streams.InPartition(int32(n)))
	return err
}

func (q *query) atLeast(text string) error {
	p := streams.Position{}
	err := json.Unmarshal([]byte(text), &p)
	q.options = append(q.options, streams.AtLeast(p))
	return err
}

func (q *query) atMostOld(text string) error {
	var d time.Duration
	err := duration(text, 24*time.Hour, &d)
	q.options = append(q.options, streams.AtMostOld(d))
	return err
}

func number(text string, least, most int, to *int) error {
	n, err := strconv.Atoi(text)
	if err == nil && (n < least || n > most) {
		err = fmt.Errorf("%d: must be %d to %d", n, least, most)
	}
	*to = n
	return err
}

func duration(text string, most time.Duration, to *time.Duration) error {
	d, err := time.ParseDuration(text)
	if err == nil && (d <= 0 || d > most) {
		err = fmt.Errorf("%v: must be above 0 and at most %v", d, most)
	}
	*to = d
	return err
}

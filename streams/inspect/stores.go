package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

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
	// Next is the query that shows the rows behind these; empty: there are none.
	Next string `json:"next,omitempty"`
}

// StoreRow is a row of a store. What a kind does not have is left out.
type StoreRow struct {
	Key       any    `json:"key"`
	Value     any    `json:"value"`
	Timestamp *int64 `json:"timestamp,omitempty"` // milliseconds
	Start     *int64 `json:"start,omitempty"`     // of a window or session, milliseconds
	End       *int64 `json:"end,omitempty"`       // of a session, milliseconds
}

const (
	pageRows    = 100
	mostRows    = 1_000
	defaultWait = 5 * time.Second // for a position
	longestWait = 30 * time.Second
	hopHeader   = "Millstream-Hop" // of a request that a process has passed on
)

// stores serves rows of stores.
type stores struct {
	app     Stores
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
	q, err := parseQuery(store.Spec(), r.URL.Query())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), q.wait)
	defer cancel()
	view, err := s.app.View(ctx, store, q.options...)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	out := &StoreRows{Store: name, Kind: store.Spec().Kind(), Rows: []StoreRow{}, At: view.At()}
	if out.Position, err = view.Position(); err != nil {
		return nil, err
	}
	return out, q.read(view.OpenStore(), out)
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
	limit   int
	skip    int // rows of the first time, which were shown before
	reverse bool
}

// parseQuery reads the parameters of a request.
func parseQuery(spec state.Spec, values url.Values) (q *query, err error) {
	q = &query{wait: longestWait, values: values, kind: spec.Kind(), keys: typed{spec.Options().Keys}, limit: pageRows}
	known := map[string]func(text string) error{
		"key":       q.ofKey,
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

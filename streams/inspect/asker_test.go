package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// question is a query and what it asks for.
type question struct {
	store, topic string
	key          string // empty: all rows of the tasks of the process
	least        streams.Position
}

func (q question) path() string {
	values := url.Values{"limit": {"1000"}}
	if q.key != "" {
		values.Set("key", q.key)
	}
	if q.least != nil {
		text, err := json.Marshal(q.least)
		if err != nil {
			panic(err) // a position has no value that cannot be encoded
		}
		values.Set("position", string(text))
		values.Set("wait", "2s")
	}
	return "/stores/" + q.store + "?" + values.Encode()
}

// ask asks a process, which does not pass the request on if it takes it for one that was passed on. An answer that is
// neither rows nor says to ask again is an error.
func (f *fleet) ask(
	ctx context.Context, p *running, q question, passedOn bool,
) (rows *inspect.StoreRows, later bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+q.path(), nil)
	if err != nil {
		return nil, false, err
	}
	if passedOn {
		req.Header.Set("Millstream-Hop", "1")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, false, unanswered{err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, false, unanswered{err}
	}
	switch resp.StatusCode {
	case http.StatusServiceUnavailable:
		if resp.Header.Get("Retry-After") == "" {
			return nil, false, fmt.Errorf("503 without Retry-After: %s", body)
		}
		return nil, true, nil
	case http.StatusOK:
		rows = &inspect.StoreRows{}
		return rows, false, json.Unmarshal(body, rows)
	}
	return nil, false, fmt.Errorf("status %d: %s", resp.StatusCode, body)
}

// unanswered is what became of a request to a process that ended.
type unanswered struct{ error }

// check compares an answer with the sums of the ledger at its position.
func (f *fleet) check(q question, rows *inspect.StoreRows) error {
	got, err := sumsOf(q, rows)
	if err != nil {
		return err
	}
	if q.key == "" && len(rows.Position) == 0 {
		return compare(got, nil) // a process without tasks
	}
	if len(rows.Position) != 1 {
		return fmt.Errorf("position %v", rows.Position)
	}
	want := map[cell]sum{}
	for partition, offset := range rows.Position[q.topic] {
		where := place{q.topic, partition}
		if offset < f.seeded[where] {
			return fmt.Errorf("position %v is before %d, where the test began", rows.Position, f.seeded[where])
		}
		f.want(q, where, offset, want)
	}
	if q.key != "" {
		home := f.home(q)
		if _, ok := rows.Position[q.topic][home.partition]; !ok || len(rows.Position[q.topic]) != 1 {
			return fmt.Errorf("position %v of a key in partition %d", rows.Position, home.partition)
		}
	}
	if q.least != nil && !rows.Position.Reaches(q.least) {
		return fmt.Errorf("position %v, asked for %v", rows.Position, q.least)
	}
	return compare(got, want)
}

// cell is where a sum stands in an answer.
type cell struct {
	key       string
	start     int64 // -1: the store has no times
	partition int32
}

// want adds what the answer must have of a partition.
func (f *fleet) want(q question, where place, offset int64, to map[cell]sum) {
	if q.store == "spells" {
		for start, s := range f.ledger.timesAt(where, offset, q.key) {
			to[cell{q.key, start, where.partition}] = s
		}
		return
	}
	for key, s := range f.ledger.sumsAt(where, offset) {
		if q.key == "" || q.key == key {
			to[cell{key, -1, where.partition}] = s
		}
	}
}

func sumsOf(q question, rows *inspect.StoreRows) (map[cell]sum, error) {
	out := map[cell]sum{}
	if rows.Store != q.store || rows.Next != "" {
		return nil, fmt.Errorf("store %s, next page %q", rows.Store, rows.Next)
	}
	for _, r := range rows.Rows {
		text, err := json.Marshal(r.Value)
		if err != nil {
			return nil, err
		}
		var s sum
		if err := json.Unmarshal(text, &s); err != nil {
			return nil, err
		}
		if r.Partition == nil {
			return nil, fmt.Errorf("row of %v without its partition", r.Key)
		}
		at := cell{fmt.Sprint(r.Key), -1, *r.Partition}
		if r.Start != nil {
			at.start = *r.Start
		}
		if _, twice := out[at]; twice {
			return nil, fmt.Errorf("two rows of %v", at)
		}
		out[at] = s
	}
	return out, nil
}

func compare(got, want map[cell]sum) error {
	for at, s := range want {
		if other, ok := got[at]; !ok || other != s {
			return fmt.Errorf("%v: %v (there: %v), must be %v", at, other, ok, s)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d rows, must be %d", len(got), len(want))
	}
	return nil
}

// TestLedgerFindsWrongAnswers: a sum that is another, a row that is missing or not expected.
func TestLedgerFindsWrongAnswers(t *testing.T) {
	p := &part{sums: map[string][]entry{}, times: map[string]map[int64][]entry{}}
	p.add("a", 3, time.UnixMilli(9_999), order{Cents: 5})
	p.add("a", 7, time.UnixMilli(10_000), order{Cents: 6})
	p.next = 9
	l := &ledger{parts: map[place]*part{{"orders", 2}: p}}
	l.grown = sync.NewCond(&l.mu)
	f := &fleet{ledger: l}
	for _, c := range []struct {
		offset int64
		text   string
		wrong  string
	}{
		{8, `[{"key":"a","value":{"orders":2,"cents":11},"partition":2}]`, ""},
		{7, `[{"key":"a","value":{"orders":1,"cents":5},"partition":2}]`, ""},
		{3, `[]`, ""},
		{7, `[{"key":"a","value":{"orders":2,"cents":11},"partition":2}]`, "must be {1 5}"},
		{8, `[{"key":"a","value":{"orders":2,"cents":11},"partition":1}]`, "must be {2 11}"},
		{8, `[]`, "must be {2 11}"},
		{3, `[{"key":"a","value":{"orders":1,"cents":5},"partition":2}]`, "1 rows, must be 0"},
	} {
		rows := &inspect.StoreRows{Store: "totals", Position: streams.Position{"orders": {2: c.offset}}}
		require.NoError(t, json.Unmarshal([]byte(c.text), &rows.Rows))
		err := f.check(question{store: "totals", topic: "orders"}, rows)
		if c.wrong == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, c.wrong)
		}
	}
}

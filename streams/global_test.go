package streams_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// joinNamed joins each record of topic in with the row of a global table, of topic other, that its value names.
func joinNamed(b *streams.Builder) {
	table := streams.GlobalTableFrom(b, other, rows)
	streams.LeftJoinGlobal(streams.From(b, in), table, itself, func(v string, row optional) string {
		return v + "/" + orNull(row)
	}).To(out)
}

func globalDriver(t *testing.T, opts ...testkit.Option) *testkit.Driver {
	t.Helper()
	b := streams.NewBuilder("app")
	joinNamed(b)
	return drive(t, b, opts...)
}

func pipeOther(d *testkit.Driver, records ...record) {
	for _, r := range records {
		testkit.Input(d, other).PipeRecord(r)
	}
}

// values are what came out, without keys and times.
func values(d *testkit.Driver) (texts []string) {
	for _, r := range testkit.Output(d, out).Read() {
		texts = append(texts, r.Value)
	}
	return texts
}

func TestEveryTaskHasAllPartitionsOfAGlobalTable(t *testing.T) {
	d := globalDriver(t, testkit.Partitions(3), testkit.PartitionsOf("other", 5), testkit.CacheBytes(1))
	letters := "abcdefgh"
	for _, key := range strings.Split(letters, "") {
		pipeOther(d, rec(key, strings.ToUpper(key), 1))
	}
	var want []string
	for _, task := range strings.Split(letters, "") {
		for _, key := range strings.Split(letters, "") {
			pipe(d, rec(task, key, 2))
			want = append(want, key+"/"+strings.ToUpper(key))
		}
	}
	require.Equal(t, want, values(d))
	require.Len(t, testkit.Rows(d, rows), len(letters), "each row once")
}

func TestAGlobalTableIsReadBeforeRecords(t *testing.T) {
	d := globalDriver(t)
	d.Pause()
	pipe(d, rec("k", "a", 1))
	pipeOther(d, rec("a", "later in time, and arrived later", 99))
	d.Resume()
	require.Equal(t, []string{"a/later in time, and arrived later"}, values(d))
}

func TestAGlobalTableFollowsItsTopicAcrossAccidents(t *testing.T) {
	for name, happen := range accidents {
		d := globalDriver(t, testkit.Partitions(2))
		pipeOther(d, rec("a", "old", 1), rec("b", "row", 1), rec("c", "row", 1))
		happen(d)
		pipeOther(d, rec("a", "new", 2), nullValue("b", 2))
		happen(d)
		pipe(d, rec("k", "a", 3), rec("k", "b", 3), rec("k", "c", 3))
		require.Equal(t, []string{"a/new", "b/null", "c/row"}, values(d), name)
	}
}

func TestAGlobalTableTriggersNothing(t *testing.T) {
	d := globalDriver(t)
	pipe(d, rec("k", "a", 1))
	pipeOther(d, rec("a", "row", 2))
	require.Equal(t, []string{"a/null"}, values(d))
}

func TestWhatAGlobalTableCannotTakeIsCounted(t *testing.T) {
	numbers := streams.NewTopic("other", serde.String, serde.Int64)
	b := streams.NewBuilder("app")
	table := streams.GlobalTableFrom(b, numbers, tally)
	numbered := func(v string, n int64) string { return fmt.Sprint(v, n) }
	streams.JoinGlobal(streams.From(b, in), table, itself, numbered).To(out)
	d := drive(t, b, testkit.Skip())
	testkit.Input(d, numbers).PipeRecord(streams.Record[string, int64]{NullKey: true, Value: 1})
	testkit.Input(d, numbers).PipeRaw(testkit.RawRecord{Key: []byte("k"), Value: []byte("odd")})
	testkit.Input(d, numbers).Pipe("k", 7, time.UnixMilli(1))
	pipe(d, rec("x", "k", 1))
	require.Equal(t, []string{"k7"}, values(d))
	require.Equal(t, drops{streams.DropNullKey: 1, streams.DropDeserialize: 1}, d.Dropped())
}

func TestTheNewestWinsInAGlobalTable(t *testing.T) {
	b := streams.NewBuilder("app")
	table := streams.GlobalTableFrom(b, other, rows.NewestWins())
	joinGlobalOr(b, table)
	d := drive(t, b)
	pipeOther(d, rec("a", "new", 9), rec("a", "old", 1))
	pipe(d, rec("k", "a", 1))
	require.Equal(t, []string{"a/new"}, values(d))
}

func joinGlobalOr(b *streams.Builder, table *streams.GlobalTable[string, string]) {
	streams.JoinGlobal(streams.From(b, in), table, itself, func(v, row string) string { return v + "/" + row }).To(out)
}

// globals fill store rows from topic other.
var globals = map[string]func(*streams.Builder){
	"table": func(b *streams.Builder) { streams.GlobalTableFrom(b, other, rows) },
	"processor": func(b *streams.Builder) {
		streams.GlobalProcess(b, other, newCapitals, rows)
	},
}

// Whichever is declared first.
func TestProcessorsReadGlobalStores(t *testing.T) {
	for name, fill := range globals {
		for _, fillFirst := range []bool{true, false} {
			b := streams.NewBuilder("app")
			if fillFirst {
				fill(b)
			}
			streams.Process(streams.From(b, in), newLookup, rows).To(out)
			if !fillFirst {
				fill(b)
			}
			d := drive(t, b, testkit.Partitions(3))
			pipeOther(d, rec("a", "Row", 1))
			d.Restart()
			pipe(d, rec("k", "a", 2), rec("l", "a", 3))
			require.Equal(t, []string{"Row", "Row"}, values(d), "%s, first: %v", name, fillFirst)
		}
	}
}

// spanned is a global processor with a window store.
type spanned struct{}

func (p *spanned) Process(ctx *globalContext, r record) error {
	return texts.In(ctx).Put(r.Key, r.Timestamp, r.Value, r.Timestamp)
}

// spans reads it.
type spans struct{}

func (p *spans) Process(ctx *textContext, r record) error {
	for row, err := range texts.In(ctx).Fetch(r.Value, 0, 1000) {
		if err != nil {
			return err
		}
		if err := ctx.Forward(rec(r.Key, row.Value, row.Start)); err != nil {
			return err
		}
	}
	return nil
}

// The stream time of a global store lasts, or its rows could not be found after a restart.
func TestAGlobalWindowStoreAcrossAccidents(t *testing.T) {
	store := texts.Retain(ms(50))
	for name, happen := range accidents {
		b := streams.NewBuilder("app")
		streams.GlobalProcess(b, other,
			func() streams.Processor[string, string, struct{}, struct{}] { return &spanned{} }, store)
		streams.Process(streams.From(b, in),
			func() streams.Processor[string, string, string, string] { return &spans{} }, store).To(out)
		d := drive(t, b)
		pipeOther(d, rec("a", "expired", 1), rec("a", "x", 60), rec("a", "y", 100))
		happen(d)
		pipe(d, rec("k", "a", 0))
		require.Equal(t, []string{"x", "y"}, values(d), name)
	}
}

// forgetful counts in memory, and writes the count.
type forgetful struct {
	seen, marked int
}

func (p *forgetful) Mark() { p.marked = p.seen }
func (p *forgetful) Undo() { p.seen = p.marked }

func (p *forgetful) Process(ctx *globalContext, r record) error {
	p.seen++
	if r.Value == "bad" {
		return fmt.Errorf("bad")
	}
	return rows.In(ctx).Put(r.Key, fmt.Sprint(p.seen), r.Timestamp)
}

func TestAGlobalProcessorForgetsARecordThatFailed(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.GlobalProcess(b, other,
		func() streams.Processor[string, string, struct{}, struct{}] { return &forgetful{} }, rows)
	streams.From(b, in).To(out)
	d := drive(t, b, testkit.Skip())
	pipeOther(d, rec("a", "ok", 1), rec("a", "bad", 2), rec("b", "ok", 3))
	pipe(d)
	require.Equal(t, []state.Row[string, string]{
		{Key: "a", Value: "1", Timestamp: 1}, {Key: "b", Value: "2", Timestamp: 3},
	}, testkit.Rows(d, rows))
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

// scheduling asks for what global processors do not have.
type scheduling struct{}

func (p *scheduling) Process(*globalContext, record) error { return nil }

func (p *scheduling) Init(ctx *globalContext) error {
	ctx.Schedule(time.Second, streams.WallClockTime, func(int64) error { return nil })
	return nil
}

func TestAGlobalProcessorHasNoSchedules(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.GlobalProcess(b, other,
		func() streams.Processor[string, string, struct{}, struct{}] { return &scheduling{} }, rows)
	line := lineAbove2()
	streams.From(b, in).To(out)
	_, err := testkit.NewDriver(build(t, b))
	require.ErrorContains(t, err, "schedules a punctuation")
	require.ErrorContains(t, err, line)
}

package streams_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// swapper swaps key and value, keeps the last value of each key, and fails on "bad" after having done so.
type swapper struct {
	store  state.KeyValueStore[string, string]
	closed *int
}

func (p *swapper) Init(ctx *streams.Context[string, string]) error {
	p.store = rows.In(ctx)
	return nil
}

func (p *swapper) Process(ctx *textContext, r record) error {
	if err := p.store.Put(r.Key, r.Value, r.Timestamp); err != nil {
		return err
	}
	swapped := record{Key: r.Value, Value: r.Key, Timestamp: r.Timestamp + 100, Headers: r.Headers}
	if err := ctx.Forward(swapped); err != nil {
		return err
	}
	if r.Value == "bad" {
		return errors.New("bad")
	}
	return nil
}

func (p *swapper) Close() error {
	*p.closed++
	return nil
}

func TestProcessMayChangeEverything(t *testing.T) {
	closed, made := 0, 0
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		made++
		return &swapper{closed: &closed}
	}, rows).To(out)
	d, err := testkit.NewDriver(build(t, b), testkit.Partitions(2), testkit.Skip())
	require.NoError(t, err)
	pipe(d, withHeader(rec("k", "v", 1), "h"), rec("k", "bad", 2), rec("l", "w", 3))
	require.Equal(t, []record{withHeader(rec("v", "k", 101), "h"), rec("w", "l", 103)}, testkit.Output(d, out).Read())
	v, _ := testkit.Get(d, rows, "k")
	require.Equal(t, "v", v, "the write of the record that failed is taken back")
	require.NoError(t, d.Close())
	require.Equal(t, 2+2, made, "one for each task, and two at Build")
	require.Equal(t, 2, closed)
}

// numberer numbers the records of a key.
type numberer struct {
	store state.KeyValueStore[string, int64]
}

func (p *numberer) Init(ctx *streams.FixedKeyContext[string, int64]) error {
	p.store = tally.In(ctx)
	return nil
}

func (p *numberer) Process(ctx *streams.FixedKeyContext[string, int64], r streams.FixedKeyRecord[string, string]) error {
	key := r.Record().Key
	n, _, err := p.store.Get(key)
	if err != nil {
		return err
	}
	if err := p.store.Put(key, n+1, r.Record().Timestamp); err != nil {
		return err
	}
	return ctx.Forward(streams.FixedKeyValue(r.WithTimestamp(50), streams.Some(n+1)))
}

func TestProcessValuesKeepsTheKey(t *testing.T) {
	b := streams.NewBuilder("app")
	numbered := streams.ProcessValues(streams.From(b, in), func() streams.FixedKeyProcessor[string, string, int64] {
		return &numberer{}
	}, tally)
	numbered.To(counts)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), rec("l", "a", 2), rec("k", "a", 3))
	require.Equal(t, []streams.Record[string, int64]{
		{Key: "k", Value: 1, Timestamp: 50}, {Key: "l", Value: 1, Timestamp: 50}, {Key: "k", Value: 2, Timestamp: 50},
	}, testkit.Output(d, counts).Read())
}

func TestAStepMayUseOnlyTheStoresItWasGiven(t *testing.T) {
	closed := 0
	b := streams.NewBuilder("app")
	streams.From(b, in).ToTable(rows)
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		return &swapper{closed: &closed}
	})
	_, err := testkit.NewDriver(build(t, b))
	require.ErrorContains(t, err, `uses store "rows", which was not given to it: add the store to the arguments`)
	require.ErrorContains(t, err, "process_test.go")
}

func TestAProcessorReadsTheStoreOfAnotherStep(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	streams.TableFrom(b, other, rows)
	streams.Process(s, newReader, rows).To(out)
	topo := build(t, b)
	require.Len(t, compiled(t, b).Subs(), 1, "steps that share a store run in one task")
	d := testkit.New(t, topo)
	testkit.Input(d, other).PipeRecord(rec("k", "row", 1))
	pipe(d, rec("k", "", 2))
	require.Equal(t, []record{rec("k", "row", 2)}, testkit.Output(d, out).Read())
}

// reader gives each record the value of its key's row.
type reader struct{}

func newReader() streams.Processor[string, string, string, string] { return &reader{} }

func (p *reader) Process(ctx *textContext, r record) error {
	row, _, err := rows.In(ctx).Get(r.Key)
	if err != nil {
		return err
	}
	r.Value = row
	return ctx.Forward(r)
}

// ticker forwards the time at each punctuation.
type ticker struct {
	clock streams.PunctuationType
}

func (p *ticker) Init(ctx *streams.Context[string, int64]) error {
	ctx.Schedule(10*time.Millisecond, p.clock, func(now int64) error {
		if _, _, _, ok := ctx.Source(); ok {
			return errors.New("a punctuation has no source")
		}
		return ctx.Forward(streams.Record[string, int64]{Key: "tick", Value: now, Timestamp: now})
	})
	return nil
}

func (p *ticker) Process(ctx *streams.Context[string, int64], r record) error {
	topic, _, offset, ok := ctx.Source()
	if !ok {
		return errors.New("a record has a source")
	}
	return ctx.Forward(streams.Record[string, int64]{Key: topic, Value: offset, Timestamp: r.Timestamp})
}

func ticks(t *testing.T, clock streams.PunctuationType) *testkit.Driver {
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, int64] {
		return &ticker{clock: clock}
	}).To(counts)
	return drive(t, b)
}

// times are the ticks among the records of an output topic.
func times(d *testkit.Driver) (out []int64) {
	for _, r := range testkit.Output(d, counts).Read() {
		if r.Key == "tick" {
			out = append(out, r.Value)
		}
	}
	return out
}

func TestStreamTimePunctuations(t *testing.T) {
	d := ticks(t, streams.StreamTime)
	for _, at := range []int64{3, 9, 10, 47, 12, 49, 50} {
		pipe(d, rec("k", "", at))
	}
	require.Equal(t, []int64{3, 10, 47, 50}, times(d))
}

func TestWallClockPunctuations(t *testing.T) {
	d := ticks(t, streams.WallClockTime)
	for _, by := range []time.Duration{10, 35, 4, 1} {
		d.AdvanceWallClock(by * time.Millisecond)
	}
	require.Equal(t, []int64{10, 45, 50}, times(d))
}

func TestAProcessorCountsWhatItDrops(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] { return &dropper{} })
	d := drive(t, b)
	pipe(d, rec("k", "", 1))
	require.Equal(t, drops{streams.DropLate: 1}, d.Dropped())
}

type dropper struct{}

func (p *dropper) Process(ctx *textContext, _ record) error {
	ctx.Drop(streams.DropLate)
	return nil
}

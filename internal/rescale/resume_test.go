package rescale_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

// counter is an application that counts the records of each key.
type counter struct {
	broker *broker.Broker
	topo   *topology.Topology
	in     streams.Topic[string, string]
	out    streams.Topic[string, int64]
	dir    string
	want   map[string]int64
}

const keysOfCounter = 40

func newCounter(t *testing.T) *counter {
	t.Helper()
	return newCounterOn(t, broker.New(t))
}

func newCounterOn(t *testing.T, b *broker.Broker) *counter {
	t.Helper()
	c := &counter{
		broker: b, dir: t.TempDir(), want: map[string]int64{},
		in:  streams.NewTopic("in", serde.String, serde.String),
		out: streams.NewTopic("out", serde.String, serde.Int64),
	}
	builder := streams.NewBuilder("counter")
	streams.From(builder, c.in).GroupByKey().Count(state.NewKeyValue("counts", serde.String, serde.Int64)).ToStream().To(c.out)
	var err error
	c.topo, err = builder.Build()
	require.NoError(t, err)
	require.NoError(t, c.broker.CreateTopics(t.Context(), 4, c.in))
	require.NoError(t, c.broker.CreateTopics(t.Context(), 1, c.out))
	return c
}

// more gives each key a record, and lets the application count it.
func (c *counter) more(t *testing.T) {
	t.Helper()
	b, err := broker.Connect(c.broker.Addrs()...) // one that knows of new partitions
	require.NoError(t, err)
	defer b.Close()
	for i := range keysOfCounter {
		key := fmt.Sprint("key ", i)
		c.want[key]++
		require.NoError(t, broker.Produce(t.Context(), b, c.in, streams.NewRecord(key, "", began.UnixMilli())))
	}
	run(t, c.broker, c.topo, c.dir)
}

// check compares the counts: each record is counted once.
func (c *counter) check(t *testing.T) {
	t.Helper()
	c.more(t)
	records, err := broker.Read(t.Context(), c.broker, c.out)
	require.NoError(t, err)
	got, results := map[string]int64{}, 0
	for _, r := range records {
		got[r.Key] = r.Value
		results++
	}
	require.Equal(t, c.want, got)
	for _, n := range c.want {
		results -= int(n)
	}
	require.Zero(t, results, "each result comes out once")
}

// until is a change that is broken off at a step.
func (c *counter) until(t *testing.T, r rescale.Request, step string) {
	t.Helper()
	r.At = func(_ context.Context, s string) error {
		if s == step {
			return errBrokenOff
		}
		return nil
	}
	_, err := rescale.Run(t.Context(), r)
	require.ErrorIs(t, err, errBrokenOff)
}

// TestTheApplicationRunsBeforeAChangeGoesOn: a change is broken off where the application may start, which does so.
// Then the command is given once more, and offsets are not set back to those of before.
func TestTheApplicationRunsBeforeAChangeGoesOn(t *testing.T) {
	for _, step := range []string{"planned", "committed offsets"} {
		t.Run(step, func(t *testing.T) {
			c := newCounter(t)
			c.more(t)
			c.until(t, counting(c, 6), step)
			c.more(t)
			plan, err := rescale.Run(t.Context(), counting(c, 6))
			require.NoError(t, err)
			require.Equal(t, rescale.Done, plan.Phase)
			c.check(t)
		})
	}
}

// counting is a request without the mapping of a store that the counter has not.
func counting(c *counter, partitions int32) rescale.Request {
	r := request(c.broker, c.topo, partitions)
	r.Mappings = nil
	return r
}

// TestTheApplicationRunsBeforeItIsUndone is the same for the way back.
func TestTheApplicationRunsBeforeItIsUndone(t *testing.T) {
	for _, steps := range [][]string{{"planned"}, {"filled counter-counts-changelog", "undone offsets"}} {
		t.Run(steps[0], func(t *testing.T) {
			c := newCounter(t)
			c.more(t)
			c.until(t, counting(c, 6), steps[0])
			undo := counting(c, 0)
			undo.Undo = true
			if len(steps) > 1 {
				c.until(t, undo, steps[1])
			}
			c.more(t)
			plan, err := rescale.Run(t.Context(), undo)
			require.NoError(t, err)
			require.Equal(t, rescale.Undone, plan.Phase)
			c.check(t)
		})
	}
}

// TestTheApplicationRunsWhileAChangeIsPlanned: what has been committed since is not set back.
func TestTheApplicationRunsWhileAChangeIsPlanned(t *testing.T) {
	c := newCounter(t)
	c.more(t)
	r := counting(c, 6)
	r.At = func(_ context.Context, step string) error {
		if step == string(rescale.Planned) {
			c.more(t)
		}
		return nil
	}
	_, err := rescale.Run(t.Context(), r)
	var no *rescale.DeclinedError
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "in the meantime")
	c.more(t)
	_, err = rescale.Run(t.Context(), counting(c, 6))
	require.NoError(t, err)
	c.check(t)
}

// TestGoesOnWithWhatItBeganWith: a change that began with mappings does not go on without, and not by the lock file of
// another version.
func TestGoesOnWithWhatItBeganWith(t *testing.T) {
	c := newCounter(t)
	c.more(t)
	r := counting(c, 6)
	r.Mappings = map[string]rescale.Mapping{"counts": byKey}
	c.until(t, r, "saved")
	_, err := rescale.Run(t.Context(), counting(c, 6))
	var no *rescale.DeclinedError
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "began with mappings for counts")
	other := r
	other.Lock.Stores = nil
	_, err = rescale.Run(t.Context(), other)
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "the lock file has not")
	_, err = rescale.Export(t.Context(), counting(c, 0), t.TempDir())
	require.ErrorAs(t, err, &no)
	require.ErrorContains(t, err, "are being changed")
	_, err = rescale.Run(t.Context(), r)
	require.NoError(t, err)
	c.check(t)
}

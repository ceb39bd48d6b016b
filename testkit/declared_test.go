package testkit_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// name is a string with a name of its own.
type name string

// named is a serde of names, with the bytes of a string's.
type named struct{ serde.Serde[string] }

func (n named) Append(dst []byte, v name) ([]byte, error) { return n.Serde.Append(dst, string(v)) }
func (n named) Format() string                            { return serde.FormatOf(n.Serde) }

func (n named) Decode(src []byte) (name, error) {
	v, err := n.Serde.Decode(src)
	return name(v), err
}

// TestBytesAreWhatThereIs: who asks for the bytes of a topic has no other opinion of them.
func TestBytesAreWhatThereIs(t *testing.T) {
	d := testkit.New(t, build(t, countAll))
	testkit.Input(d, streams.NewTopic("in", serde.Bytes, serde.Bytes)).Pipe([]byte("k"), []byte("v"), at(1))
	got := testkit.Output(d, streams.NewTopic("out", serde.String, serde.Bytes)).Read()
	require.Len(t, got, 1)
	require.Equal(t, "v", got[0].Key)
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0, 1}, got[0].Value)
}

// TestTopicsOfAPatternHaveItsTypes, but for those that have a declaration of their own.
func TestTopicsOfAPatternHaveItsTypes(t *testing.T) {
	describe := func(b *streams.Builder) {
		users := streams.NewTopicPattern("user-.*", serde.String, serde.String)
		streams.FromPattern(b, users).GroupByKey().Count(counts).ToStream().To(out)
		any := streams.NewTopicPattern(".*", serde.String, serde.String)
		streams.From(b, in).ToEach(any, func(streams.Record[string, string]) (string, error) { return "some", nil })
	}
	numbers := func(name string) streams.Topic[string, int64] {
		return streams.NewTopic(name, serde.String, serde.Int64)
	}
	d := testkit.New(t, build(t, describe))
	testkit.Input(d, text("user-ann")).Pipe("k", "v", at(1))
	require.Len(t, testkit.Output(d, numbers("out")).Read(), 1)
	for _, ask := range []func(d *testkit.Driver){
		func(d *testkit.Driver) { testkit.Input(d, numbers("user-ann")) },
		func(d *testkit.Driver) { testkit.Output(d, numbers("some")) },
		func(d *testkit.Driver) { testkit.Output(d, text("out")) },
	} {
		d := outsideOfTests(t, describe)
		ask(d)
		require.ErrorContains(t, d.Err(), "use the value that the topology was built with")
	}
}

// TestAClosedDriverSaysSo, in place of what was true once.
func TestAClosedDriverSaysSo(t *testing.T) {
	var feed testkit.InputTopic[string, string]
	var read *testkit.OutputTopic[string, int64]
	raw := testkit.RawRecord{Key: []byte("k"), Value: []byte("v")}
	for name, do := range map[string]func(d *testkit.Driver){
		"Input":         func(d *testkit.Driver) { testkit.Input(d, in) },
		"Pipe":          func(*testkit.Driver) { feed.Pipe("k", "v", at(1)) },
		"PipeRecord":    func(*testkit.Driver) { feed.PipeRecord(streams.NewRecord("k", "v", 1)) },
		"PipeRaw":       func(*testkit.Driver) { feed.PipeRaw(raw) },
		"PipeTo":        func(*testkit.Driver) { feed.PipeTo(0, raw) },
		"PartitionOf":   func(d *testkit.Driver) { testkit.PartitionOf(d, in, "k") },
		"Output":        func(d *testkit.Driver) { testkit.Output(d, out) },
		"Read":          func(*testkit.Driver) { require.Empty(t, read.Read()) },
		"Latest":        func(*testkit.Driver) { require.Empty(t, testkit.Latest(read)) },
		"FromStart":     func(*testkit.Driver) { read.FromStart() },
		"Get":           func(d *testkit.Driver) { testkit.Get(d, counts, "v") },
		"Rows":          func(d *testkit.Driver) { require.Empty(t, testkit.Rows(d, counts)) },
		"WindowRows":    func(d *testkit.Driver) { require.Empty(t, testkit.WindowRows(d, perTen)) },
		"Pause":         func(d *testkit.Driver) { d.Pause() },
		"Resume":        func(d *testkit.Driver) { d.Resume() },
		"Commit":        func(d *testkit.Driver) { d.Commit() },
		"Crash":         func(d *testkit.Driver) { d.Crash(testkit.BeforeCommit) },
		"Restart":       func(d *testkit.Driver) { d.Restart() },
		"LoseState":     func(d *testkit.Driver) { d.LoseState() },
		"Calls":         func(d *testkit.Driver) { require.Empty(t, d.Calls()) },
		"WallClock":     func(d *testkit.Driver) { d.WallClock() },
		"the wall time": func(d *testkit.Driver) { d.AdvanceWallClock(time.Second) },
		"Dropped":       func(d *testkit.Driver) { d.Dropped() },
	} {
		t.Run(name, func(t *testing.T) {
			d := outsideOfTests(t, countAll, testkit.HoldCalls())
			feed, read = testkit.Input(d, in), testkit.Output(d, out)
			feed.Pipe("k", "v", at(1))
			require.NoError(t, d.Close())
			do(d)
			require.EqualError(t, d.Err(), "testkit: the driver is closed: use it before Close")
		})
	}
}

// TestACircleEnds: records that go round for ever would keep a test from its end.
func TestACircleEnds(t *testing.T) {
	again := func(n int64) func(b *streams.Builder) {
		return func(b *streams.Builder) {
			numbers := streams.NewTopic("numbers", serde.String, serde.Int64)
			s := streams.From(b, numbers).Filter(func(v int64) bool { return v < n })
			streams.MapValues(s, func(v int64) int64 { return v + 1 }).To(numbers)
		}
	}
	choosing := func(b *streams.Builder) {
		any := streams.NewTopicPattern("step-.*", serde.String, serde.String)
		streams.FromPattern(b, any).ToEach(any, func(r streams.Record[string, string]) (string, error) {
			return "step-" + r.Value, nil
		})
	}
	numbers := streams.NewTopic("numbers", serde.String, serde.Int64)
	for _, opts := range [][]testkit.Option{nil, {testkit.AtLeastOnce()}, {testkit.CommitEvery(0)}} {
		d := testkit.New(t, build(t, again(500)), opts...)
		testkit.Input(d, numbers).Pipe("k", 1, at(1))
		d.Commit()
		require.Len(t, testkit.Output(d, numbers).Read(), 500, "who means it leaves the circle")
		d = outsideOfTests(t, again(math.MaxInt64), opts...)
		testkit.Input(d, numbers).Pipe("k", 1, at(1))
		d.Commit()
		require.ErrorContains(t, d.Err(), `topic "numbers" is written with what comes out of it`)
		d = outsideOfTests(t, choosing, opts...)
		testkit.Input(d, text("step-1")).Pipe("k", "2", at(1))
		d.Commit()
		require.ErrorContains(t, d.Err(), "go round for ever")
	}
}

// TestAPausedDriverProcessesNothing, whatever is asked of it.
func TestAPausedDriverProcessesNothing(t *testing.T) {
	for name, do := range map[string]func(d *testkit.Driver){
		"nothing":   func(*testkit.Driver) {},
		"Commit":    func(d *testkit.Driver) { d.Commit() },
		"Restart":   func(d *testkit.Driver) { d.Restart() },
		"Crash":     func(d *testkit.Driver) { d.Crash(testkit.AfterCommit) },
		"LoseState": func(d *testkit.Driver) { d.LoseState() },
		"the clock": func(d *testkit.Driver) { d.AdvanceWallClock(time.Second) },
	} {
		d := testkit.New(t, build(t, countAll))
		testkit.Input(d, in).Pipe("k", "a", at(1))
		d.Pause()
		testkit.Input(d, in).Pipe("k", "b", at(2))
		do(d)
		require.Equal(t, map[string]int64{"a": 1}, testkit.Latest(testkit.Output(d, out)), name)
		d.Resume()
		require.Equal(t, map[string]int64{"b": 1}, testkit.Latest(testkit.Output(d, out)), name)
	}
}

// TestATopicKeepsWhatItWasGiven: a test may use its slices again.
func TestATopicKeepsWhatItWasGiven(t *testing.T) {
	d := testkit.New(t, build(t, func(b *streams.Builder) { streams.From(b, in).To(text("copy")) }), testkit.CommitEvery(0))
	raw := testkit.RawRecord{
		Key: []byte("k"), Value: []byte("v"), Timestamp: 1, Headers: []streams.Header{{Key: "h", Value: []byte("1")}},
	}
	testkit.Input(d, in).PipeRaw(raw)
	raw.Key[0], raw.Value[0], raw.Headers[0].Value[0] = 'x', 'x', 'x'
	raw.Headers[0].Key = "x"
	d.Crash(testkit.BeforeCommit)
	d.Commit()
	want := streams.Record[string, string]{
		Key: "k", Value: "v", Timestamp: 1, Headers: []streams.Header{{Key: "h", Value: []byte("1")}},
	}
	got := testkit.Output(d, text("copy")).Read()
	require.Equal(t, []streams.Record[string, string]{want}, got)
	got[0].Headers[0].Value[0] = 'x'
	require.Equal(t, []streams.Record[string, string]{want}, testkit.Output(d, text("copy")).FromStart().Read())
}

package testkit_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

func text(name string) streams.Topic[string, string] {
	return streams.NewTopic(name, serde.String, serde.String)
}

// outsideOfTests is a driver whose failures are kept in Err.
func outsideOfTests(t *testing.T, describe func(b *streams.Builder), opts ...testkit.Option) *testkit.Driver {
	t.Helper()
	d, err := testkit.NewDriver(build(t, describe), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// TestMistakesOfTheTest: what the topology does not have is said, with the names that it has; otherwise a test that
// nothing comes out would pass in vain.
func TestMistakesOfTheTest(t *testing.T) {
	raw := testkit.RawRecord{Key: []byte("k"), Value: []byte("v")}
	rows := state.NewKeyValue("rows", serde.String, serde.String)
	for name, c := range map[string]struct {
		do   func(d *testkit.Driver)
		says []string
	}{
		"input": {func(d *testkit.Driver) { testkit.Input(d, text("inn")) },
			[]string{`"app" does not read topic "inn"`, `did you mean "in"?`}},
		"input that is an output": {func(d *testkit.Driver) { testkit.Input(d, out).Pipe("k", 1, at(1)) },
			[]string{`does not read topic "out"`, `it reads "app-by-value-repartition", "in"`}},
		"partition of a key of another topic": {func(d *testkit.Driver) { testkit.PartitionOf(d, text("inn"), "k") },
			[]string{`does not have topic "inn"`, `did you mean "in"?`}},
		"output": {func(d *testkit.Driver) { testkit.Output(d, text("finalls")) },
			[]string{`"app" does not write topic "finalls"`, `did you mean "finals"?`, `"out"`}},
		"output that is an input": {func(d *testkit.Driver) { testkit.Output(d, in).Read() },
			[]string{`does not write topic "in"`, `"finals", "out"`}},
		"output by the short name of a repartition topic": {func(d *testkit.Driver) { testkit.Output(d, text("by-value")) },
			[]string{`does not write topic "by-value"`, `did you mean "app-by-value-repartition"?`}},
		"store": {func(d *testkit.Driver) { testkit.Get(d, state.NewKeyValue("count", serde.String, serde.Int64), "k") },
			[]string{`"app" does not have store "count"`, `did you mean "counts"?`}},
		"rows": {func(d *testkit.Driver) { testkit.Rows(d, rows) },
			[]string{`does not have store "rows"`, `it has "counts", "per-ten"`}},
		"window rows": {func(d *testkit.Driver) {
			testkit.WindowRows(d, state.NewWindow("per-tens", serde.String, serde.Int64))
		}, []string{`did you mean "per-ten"?`}},
		"session rows": {func(d *testkit.Driver) {
			testkit.SessionRows(d, state.NewSession("sessions", serde.String, serde.Int64))
		}, []string{`does not have store "sessions"`}},
		"versioned rows": {func(d *testkit.Driver) {
			testkit.VersionedRows(d, state.NewVersioned("versions", serde.String, serde.Int64, time.Hour))
		}, []string{`does not have store "versions"`}},
		"store of another kind": {func(d *testkit.Driver) {
			testkit.Rows(d, state.NewKeyValue("per-ten", serde.String, serde.Int64))
		}, []string{`store "per-ten" is window(string,int64) of `, "key-value(string,int64) of string, int64"}},
		"store of other types": {func(d *testkit.Driver) {
			testkit.Get(d, state.NewKeyValue("counts", serde.String, serde.String), "k")
		}, []string{`store "counts" is key-value(string,int64) of string, int64`, "key-value(string,string)"}},
		"store of another Go type": {func(d *testkit.Driver) {
			testkit.Rows(d, state.NewKeyValue("counts", serde.Serde[name](named{serde.String}), serde.Int64))
		}, []string{"key-value(string,int64) of string, int64", "key-value(string,int64) of testkit_test.name, int64"}},
		"partition above": {func(d *testkit.Driver) { testkit.Input(d, in).PipeTo(3, raw) },
			[]string{`topic "in" has partitions 0 to 2`, "there is no partition 3"}},
		"partition below": {func(d *testkit.Driver) { testkit.Input(d, in).PipeTo(-1, raw) },
			[]string{"there is no partition -1"}},
		"partition of a repartition topic": {func(d *testkit.Driver) {
			testkit.Input(d, text("app-by-value-repartition")).PipeTo(7, raw)
		}, []string{"there is no partition 7"}},
		"clock": {func(d *testkit.Driver) { d.AdvanceWallClock(-time.Second) },
			[]string{"the wall clock cannot go back: -1s"}},
		"clock at its end": {func(d *testkit.Driver) {
			d.AdvanceWallClock(math.MaxInt64)
			require.NoError(t, d.Err())
			d.AdvanceWallClock(time.Second)
		}, []string{"the wall clock ends 292 years after the epoch"}},
		"calls that are not held": {func(d *testkit.Driver) { d.Calls() }, []string{"Calls without HoldCalls"}},
		"crash point":             {func(d *testkit.Driver) { d.Crash(testkit.AfterCommit + 1) }, []string{"crash point 3"}},
		"closed": {func(d *testkit.Driver) {
			require.NoError(t, d.Close())
			testkit.Input(d, in).Pipe("k", "v", at(1))
		}, []string{"closed"}},
		"closed, clock": {func(d *testkit.Driver) { require.NoError(t, d.Close()); d.AdvanceWallClock(time.Second) },
			[]string{"closed"}},
		"closed, store": {func(d *testkit.Driver) { require.NoError(t, d.Close()); testkit.Get(d, counts, "k") },
			[]string{"closed"}},
		"input of other types": {func(d *testkit.Driver) {
			testkit.Input(d, streams.NewTopic("in", serde.String, serde.Int64)).Pipe("k", 1, at(1))
		}, []string{`topic "in" is declared with keys string and values string at `, "driver_test.go:",
			"asked for with keys string and values int64"}},
		"output of other types": {func(d *testkit.Driver) { testkit.Output(d, text("out")).Read() },
			[]string{`topic "out" is declared with keys string and values int64 at `,
				"asked for with keys string and values string"}},
		"output with other keys": {func(d *testkit.Driver) {
			testkit.Output(d, streams.NewTopic("finals", serde.String, serde.Int64)).Read()
		}, []string{`topic "finals" is declared with keys windowed(string,10) (window.Windowed[string])`, "asked for with keys string and values"}},
		"input of another Go type": {func(d *testkit.Driver) {
			testkit.Input(d, streams.NewTopic("in", serde.String, named{serde.String}))
		}, []string{"values string at ", "values string (testkit_test.name)"}},
		"repartition topic of other types": {func(d *testkit.Driver) {
			testkit.Output(d, streams.NewTopic("app-by-value-repartition", serde.String, serde.Int64)).Read()
		}, []string{`topic "app-by-value-repartition" is declared with`, "values int64"}},
		"input without serdes": {func(d *testkit.Driver) {
			testkit.Input(d, streams.NewTopic[string, string]("in", nil, nil)).Pipe("k", "v", at(1))
		}, []string{"asked for with keys <nil>"}},
		"output without serdes": {func(d *testkit.Driver) {
			require.Empty(t, testkit.Output(d, streams.NewTopic[string, int64]("out", nil, nil)).Read())
		}, []string{"asked for with keys <nil>"}},
		"partition without serdes": {func(d *testkit.Driver) {
			testkit.PartitionOf(d, streams.NewTopic[string, string]("in", nil, nil), "k")
		}, []string{"asked for with keys <nil>"}},
		"partition of a key of another type": {func(d *testkit.Driver) {
			testkit.PartitionOf(d, streams.NewTopic("in", serde.Int64, serde.String), 1)
		}, []string{`topic "in" is declared with`, "keys int64"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := outsideOfTests(t, countAll, testkit.Partitions(3))
			testkit.Input(d, in).Pipe("k", "v", at(1))
			c.do(d)
			for _, says := range c.says {
				require.ErrorContains(t, d.Err(), says)
			}
		})
	}
}

// TestOptionsThatCannotBeMeant: they are told together.
func TestOptionsThatCannotBeMeant(t *testing.T) {
	for says, option := range map[string]testkit.Option{
		"Partitions(0)":                     testkit.Partitions(0),
		"Partitions(-2)":                    testkit.Partitions(-2),
		`PartitionsOf("in", -1)`:            testkit.PartitionsOf("in", -1),
		`did you mean "finals"?`:            testkit.PartitionsOf("final", 4),
		"its number of partitions":          testkit.PartitionsOf("app-by-value-repartition", 4),
		"CommitEvery(-1)":                   testkit.CommitEvery(-1),
		"CacheBytes(-1)":                    testkit.CacheBytes(-1),
		`Pebble and OpenEngine need a dire`: testkit.Pebble(""),
		"OpenEngine needs a function":       testkit.OpenEngine(t.TempDir(), nil),
		`DeadLetter needs a topic`:          testkit.DeadLetter(""),
		`name "a/b" may only have letters`:  testkit.DeadLetter("a/b"),
		"neither an engine nor an error": testkit.OpenEngine(t.TempDir(), func(string) (state.Engine, error) {
			return nil, nil
		}),
		"come back for ever":    testkit.DeadLetter("in"),
		"the topic is internal": testkit.DeadLetter("app-counts-changelog"),
		"MaxTimeJump(-1s)":      testkit.MaxTimeJump(-time.Second),
	} {
		_, err := testkit.NewDriver(build(t, countAll), option)
		require.ErrorContains(t, err, says)
	}
	_, err := testkit.NewDriver(build(t, countAll), testkit.Partitions(0), testkit.CommitEvery(-1))
	require.ErrorContains(t, err, "Partitions(0)")
	require.ErrorContains(t, err, "CommitEvery(-1)")
	_, err = testkit.NewDriver(build(t, countAll), nil)
	require.ErrorContains(t, err, "one of the options is nil")
	_, err = testkit.NewDriver(build(t, countAll), testkit.Pebble(filepath.Join(os.DevNull, "state")))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "not closed")
	_, err = testkit.NewDriver(nil)
	require.ErrorContains(t, err, "no topology")
}

// TestTopicsThatTheTopologyHas: patterns, global tables, dead letters, changelogs and topics that are chosen by record
// are no mistakes.
func TestTopicsThatTheTopologyHas(t *testing.T) {
	describe := func(b *streams.Builder) {
		users := streams.NewTopicPattern("user-.*", serde.String, serde.String)
		streams.FromPattern(b, users).GroupByKey().Count(counts).ToStream().To(out)
		global := streams.GlobalTableFrom(b, text("everywhere"), state.NewKeyValue("global", serde.String, serde.String))
		_ = global
		choose := func(r streams.Record[string, string]) (string, error) { return "to-" + r.Key, nil }
		streams.From(b, in).ToEach(streams.NewTopicPattern("to-.*", serde.String, serde.String), choose)
	}
	d := testkit.New(t, build(t, describe), testkit.DeadLetter("dead"), testkit.PartitionsOf("not-matched", 2),
		testkit.PartitionsOf("to-a", 2), testkit.PartitionsOf("dead", 2))
	testkit.Input(d, text("user-ann")).Pipe("k", "v", at(1))
	testkit.Input(d, text("everywhere")).Pipe("k", "v", at(1))
	testkit.Input(d, text("not-matched")).Pipe("k", "v", at(1))
	testkit.Input(d, in).Pipe("a", "v", at(1))
	require.Len(t, testkit.Output(d, text("to-a")).Read(), 1)
	require.Empty(t, testkit.Output(d, text("dead")).Read())
	require.Len(t, testkit.Output(d, streams.NewTopic("app-counts-changelog", serde.String, serde.Bytes)).Read(), 1)
	require.Len(t, testkit.Output(d, out).Read(), 1)
}

// TestAChangelogIsRestored: rows that another program has left in a changelog can be fed, too.
func TestAChangelogIsRestored(t *testing.T) {
	d := testkit.New(t, build(t, countsAs(false)), testkit.Partitions(2))
	changelog := testkit.Input(d, streams.NewTopic("app-counts-changelog", serde.String, serde.Bytes))
	testkit.Input(d, in).Pipe("k", "a", at(1))
	left := testkit.Output(d, streams.NewTopic("app-counts-changelog", serde.String, serde.Bytes)).Read()
	require.Len(t, left, 1)
	left[0].Key = "l"
	changelog.PipeRecord(left[0])
	d.LoseState()
	n, ok := testkit.Get(d, counts, "l")
	require.True(t, ok)
	require.Equal(t, int64(1), n)
}

// TestOutputGoesOnWhereItWasRead: a second Output of a topic does not read again what the first one has read.
func TestOutputGoesOnWhereItWasRead(t *testing.T) {
	d := testkit.New(t, build(t, countAll))
	testkit.Input(d, in).Pipe("k", "a", at(1))
	require.Len(t, testkit.Output(d, out).Read(), 1)
	require.Empty(t, testkit.Output(d, out).Read())
	testkit.Input(d, in).Pipe("k", "b", at(2))
	require.Equal(t, map[string]int64{"b": 1}, testkit.Latest(testkit.Output(d, out)))
	require.Len(t, testkit.Output(d, out).FromStart().Read(), 2)
	require.Empty(t, testkit.Output(d, out).Read())
}

// TestPartsOfAMillisecondAddUp: a clock that is moved in small steps moves.
func TestPartsOfAMillisecondAddUp(t *testing.T) {
	d := testkit.New(t, build(t, countAll))
	for range 10 {
		d.AdvanceWallClock(300 * time.Microsecond)
	}
	require.Equal(t, time.UnixMilli(3), d.WallClock())
}

// countsAs counts keys in a store of the name counts; what the second version does more must not disturb the first's
// state.
func countsAs(more bool) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		s := streams.From(b, in)
		s.GroupByKey().Count(counts).ToStream().To(out)
		if more {
			streams.WindowedResults(s.GroupByKey().WindowedBy(tens).Count(perTen).Final()).To(finals)
		}
	}
}

// TestUpgrade: the next version of an application begins with the state, the offsets and the topics that the one before
// has left.
func TestUpgrade(t *testing.T) {
	dir := t.TempDir()
	old := testkit.New(t, build(t, countsAs(false)), testkit.Pebble(dir), testkit.Partitions(2))
	testkit.Input(old, in).Pipe("k", "a", at(1))
	testkit.Input(old, in).Pipe("", "empty key", at(2))
	old.AdvanceWallClock(time.Minute)
	old.Pause() // the old version is stopped before it has taken this one
	testkit.Input(old, in).Pipe("k", "b", at(3))
	require.NoError(t, old.Close())

	d := testkit.New(t, build(t, countsAs(true)), testkit.Pebble(dir), testkit.Partitions(2))
	require.Equal(t, time.UnixMilli(60_000), d.WallClock())
	require.Equal(t, map[string][]string{"k": {"1@1", "2@3"}, "": {"1@2"}}, perKey(testkit.Output(d, out).Read()))
	d.LoseState()
	testkit.Input(d, in).Pipe("k", "c", at(40))
	require.Equal(t, map[string]int64{"k": 3}, testkit.Latest(testkit.Output(d, out)))
	require.Len(t, testkit.Output(d, finals).Read(), 1, "it counts what came after the upgrade")
}

// TestUpgradeAfterACrash: what was not committed is processed by the next version.
func TestUpgradeAfterACrash(t *testing.T) {
	dir := t.TempDir()
	old := testkit.New(t, build(t, countsAs(false)), testkit.Pebble(dir), testkit.CommitEvery(0))
	testkit.Input(old, in).Pipe("k", "a", at(1))
	require.NoError(t, old.Close())
	d := testkit.New(t, build(t, countsAs(true)), testkit.Pebble(dir))
	require.Equal(t, map[string]int64{"k": 1}, testkit.Latest(testkit.Output(d, out)))
}

// TestUpgradeThatBreaksState: what a deployment would be told.
func TestUpgradeThatBreaksState(t *testing.T) {
	dir := t.TempDir()
	old := testkit.New(t, build(t, countAll), testkit.Pebble(dir), testkit.Partitions(2))
	testkit.Input(old, in).Pipe("k", "a", at(1))
	_, err := testkit.NewDriver(build(t, countAll), testkit.Pebble(dir), testkit.Partitions(2))
	require.ErrorIs(t, err, streams.ErrStateLocked, "the first is not closed")
	require.NoError(t, old.Close())
	_, err = testkit.NewDriver(build(t, countAll), testkit.Pebble(dir), testkit.Partitions(3))
	var internal *streams.InternalTopicError
	require.ErrorAs(t, err, &internal)
	_, err = testkit.NewDriver(build(t, countAll), testkit.Pebble(dir))
	require.ErrorContains(t, err, `topic "in" has 2 partitions`)

	b := streams.NewBuilder("another")
	countAll(b)
	topo, err := b.Build()
	require.NoError(t, err)
	_, err = testkit.NewDriver(topo, testkit.Pebble(dir), testkit.Partitions(2))
	require.ErrorContains(t, err, `application "app"`)

	again := testkit.New(t, build(t, countAll), testkit.Pebble(dir), testkit.Partitions(2))
	n, _ := testkit.Get(again, counts, "a")
	require.Equal(t, int64(1), n, "an attempt that failed leaves the directory as it was")
}

// TestStateWithoutItsTopics: a directory of which only the databases are left is not taken for one that is complete.
func TestStateWithoutItsTopics(t *testing.T) {
	dir := t.TempDir()
	old := testkit.New(t, build(t, countsAs(false)), testkit.Pebble(dir))
	testkit.Input(old, in).Pipe("k", "a", at(1))
	require.NoError(t, old.Close())
	require.NoError(t, os.Remove(filepath.Join(dir, "topics.json")))
	_, err := testkit.NewDriver(build(t, countsAs(false)), testkit.Pebble(dir))
	require.ErrorContains(t, err, "topics.json")
}

// TestStateAheadOfItsTopics: the driver on the directory was not closed, as in a test that was killed.
func TestStateAheadOfItsTopics(t *testing.T) {
	dir := t.TempDir()
	var topics []byte
	for range 2 {
		d := testkit.New(t, build(t, countsAs(false)), testkit.Pebble(dir))
		testkit.Input(d, in).Pipe("k", "a", at(1))
		require.NoError(t, d.Close())
		if topics == nil {
			var err error
			topics, err = os.ReadFile(filepath.Join(dir, "topics.json"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "topics.json"), topics, 0o600))
	_, err := testkit.NewDriver(build(t, countsAs(false)), testkit.Pebble(dir))
	require.ErrorContains(t, err, "the state counts on topic app-counts-changelog/0 up to offset 2")
}

// TestAnUpgradeThatFailsOnWhatWasLeft leaves a directory on which the next attempt goes on.
func TestAnUpgradeThatFailsOnWhatWasLeft(t *testing.T) {
	dir := t.TempDir()
	old := testkit.New(t, build(t, countsAs(false)), testkit.Pebble(dir))
	old.Pause()
	for _, value := range []string{"a", "bad", "c"} {
		testkit.Input(old, in).Pipe("k", value, at(1))
	}
	require.NoError(t, old.Close())
	fails := func(b *streams.Builder) {
		countsAs(false)(b)
		streams.From(b, in).ForEach(func(r streams.Record[string, string]) error {
			if r.Value == "bad" {
				return errors.New("no such thing")
			}
			return nil
		})
	}
	_, err := testkit.NewDriver(build(t, fails), testkit.Pebble(dir))
	require.ErrorContains(t, err, "no such thing")
	d := testkit.New(t, build(t, countsAs(true)), testkit.Pebble(dir))
	n, _ := testkit.Get(d, counts, "k")
	require.Equal(t, int64(3), n)
}

// TestATopicWithoutPartitionsTakesNothing: it does not exist.
func TestATopicWithoutPartitionsTakesNothing(t *testing.T) {
	d := outsideOfTests(t, func(b *streams.Builder) {
		streams.FromPattern(b, streams.NewTopicPattern("user-.*", serde.String, serde.String)).GroupByKey().Count(counts)
	}, testkit.PartitionsOf("user-gone", 0))
	testkit.Input(d, text("user-gone")).Pipe("k", "v", at(1))
	require.ErrorContains(t, d.Err(), `topic "user-gone" does not exist`)
}

// TestTheFormatOutlivesDeletes: each change of a session deletes a row and puts one. When compaction has removed the
// deletes, the changelog still tells in which format its rows are.
func TestTheFormatOutlivesDeletes(t *testing.T) {
	log := streams.NewTopic("app-sessions-changelog", serde.Bytes, serde.Bytes)
	visits := window.Sessions(10 * time.Millisecond)
	d := testkit.New(t, build(t, func(b *streams.Builder) {
		streams.From(b, in).GroupByKey().SessionsBy(visits).Count(state.NewSession("sessions", serde.String, serde.Int64))
	}))
	testkit.Input(d, in).Pipe("k", "a", at(0))
	testkit.Input(d, in).Pipe("k", "b", at(5))
	written := testkit.Output(d, log).Read()
	left := written[len(written)-1]
	require.True(t, written[len(written)-2].NullValue)
	require.False(t, left.NullValue)

	next := outsideOfTests(t, func(b *streams.Builder) {
		streams.From(b, in).GroupByKey().SessionsBy(visits).
			Reduce(state.NewSession("sessions", serde.String, serde.String), func(row, value string) string { return row + value })
	})
	testkit.Input(next, log).PipeRecord(left)
	next.LoseState()
	var format *streams.StateFormatError
	require.ErrorAs(t, next.Err(), &format)
	require.Equal(t, "app-sessions-changelog", format.Changelog)
}

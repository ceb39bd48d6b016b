package testkit_test

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var (
	in      = streams.NewTopic("in", serde.String, serde.String)
	out     = streams.NewTopic("out", serde.String, serde.Int64)
	finals  = streams.NewTopic("finals", window.TimeKey(serde.String, tens), serde.Int64)
	byValue = streams.NewRepartition("by-value", serde.String, serde.String)
	counts  = state.NewKeyValue("counts", serde.String, serde.Int64)
	tens    = window.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)
	perTen  = state.NewWindow("per-ten", serde.String, serde.Int64)
)

func build(t testing.TB, describe func(b *streams.Builder)) *topology.Topology {
	b := streams.NewBuilder("app")
	describe(b)
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

func self(v string) string { return v }

// countAll counts by key in windows, final, and by value behind a repartition topic.
func countAll(b *streams.Builder) {
	s := streams.From(b, in)
	windows := s.GroupByKey().WindowedBy(tens).Count(perTen)
	streams.WindowedResults(windows.Final()).To(finals)
	streams.GroupBy(s, self, byValue).Count(counts).ToStream().To(out)
}

func at(ms int64) time.Time { return time.UnixMilli(ms) }

func TestRecordsTravelThroughRepartitionTopics(t *testing.T) {
	d := testkit.New(t, build(t, countAll), testkit.Partitions(3))
	testkit.Input(d, in).Pipe("k1", "a", at(1))
	testkit.Input(d, in).Pipe("k2", "a", at(2))
	testkit.Input(d, in).Pipe("k3", "b", at(3))
	require.Equal(t, map[string]int64{"a": 2, "b": 1}, testkit.Latest(testkit.Output(d, out)))
	n, ok := testkit.Get(d, counts, "a")
	require.True(t, ok)
	require.Equal(t, int64(2), n)
	require.Len(t, testkit.Rows(d, counts), 2)
}

// TestPartitionsAreThoseOfJava: murmur2 over 12 partitions, as computed by Kafka's own client.
func TestPartitionsAreThoseOfJava(t *testing.T) {
	partitions := map[string]int32{}
	d := testkit.New(t, build(t, func(b *streams.Builder) {
		s := streams.From(b, in)
		streams.Process(s, func() streams.Processor[string, string, string, int64] {
			return &spy{seen: partitions}
		}).To(out)
	}), testkit.Partitions(12))
	for _, key := range []string{"alice", "bob", "21", "foobar"} {
		testkit.Input(d, in).Pipe(key, "", at(1))
	}
	require.Equal(t, map[string]int32{"alice": 9, "bob": 6, "21": 0, "foobar": 6}, partitions)
}

// spy notes which partition each key came from.
type spy struct {
	seen map[string]int32
}

func (s *spy) Process(ctx *streams.Context[string, int64], r streams.Record[string, string]) error {
	_, partition, _, _ := ctx.Source()
	s.seen[r.Key] = partition
	return nil
}

// feed pipes the same records into every driver, with a disturbance now and then.
func feed(d *testkit.Driver, disturb func(i int)) {
	for i := range 120 {
		key := fmt.Sprint("k", i%7)
		testkit.Input(d, in).Pipe(key, fmt.Sprint("v", i%3), at(int64(i*3-(i%5)*4)+20))
		if disturb != nil {
			disturb(i)
		}
	}
	d.Commit()
}

// perKey is what a reader of committed records sees, by key: between keys there is no order.
func perKey[K comparable, V any](records []streams.Record[K, V]) map[K][]string {
	seen := map[K][]string{}
	for _, r := range records {
		seen[r.Key] = append(seen[r.Key], fmt.Sprintf("%v@%d", r.Value, r.Timestamp))
	}
	return seen
}

type seen struct {
	out    map[string][]string
	finals map[window.Windowed[string]][]string
}

func run(t *testing.T, disturb func(d *testkit.Driver, i int), opts ...testkit.Option) seen {
	d := testkit.New(t, build(t, countAll), opts...)
	feed(d, func(i int) {
		if disturb != nil {
			disturb(d, i)
		}
	})
	return seen{perKey(testkit.Output(d, out).Read()), perKey(testkit.Output(d, finals).Read())}
}

// TestNothingChangesTheCommittedOutput: crashes at every point, restarts, lost state, cache sizes, commit cadence and
// the kind of store leave no trace in what is committed.
func TestNothingChangesTheCommittedOutput(t *testing.T) {
	for _, partitions := range []int32{1, 4} {
		same := testkit.Partitions(partitions)
		want := run(t, nil, same)
		require.NotEmpty(t, want.finals)
		for _, every := range []int{1, 5, 0} {
			for name, disturb := range map[string]func(d *testkit.Driver, i int){
				"nothing":             nil,
				"crash before commit": func(d *testkit.Driver, i int) { crash(d, i, testkit.BeforeCommit) },
				"crash during commit": func(d *testkit.Driver, i int) { crash(d, i, testkit.DuringCommit) },
				"crash after commit":  func(d *testkit.Driver, i int) { crash(d, i, testkit.AfterCommit) },
				"restart":             func(d *testkit.Driver, i int) { whenever(i, 11, d.Restart) },
				"lost state":          func(d *testkit.Driver, i int) { whenever(i, 13, d.LoseState) },
			} {
				for _, cache := range []int64{0, 1 << 30} {
					label := fmt.Sprintf("%d partitions, %s, commit every %d, cache %d", partitions, name, every, cache)
					got := run(t, disturb, same, testkit.CommitEvery(every), testkit.CacheBytes(cache))
					requireSameOutput(t, want, got, label)
				}
			}
		}
		onDisk := run(t, func(d *testkit.Driver, i int) { crash(d, i, testkit.AfterCommit) }, same, testkit.Pebble(t.TempDir()))
		requireSameOutput(t, want, onDisk, "pebble")
	}
}

// requireSameOutput: behind the repartition topic, timestamps depend on which task ran first, so of those only the
// counts must agree.
func requireSameOutput(t *testing.T, want, got seen, label string) {
	require.Equal(t, want.finals, got.finals, label)
	for key, values := range want.out {
		require.Len(t, got.out[key], len(values), label)
		for i, v := range values {
			require.Equal(t, strings.Split(v, "@")[0], strings.Split(got.out[key][i], "@")[0], label)
		}
	}
}

func crash(d *testkit.Driver, i int, point testkit.CrashPoint) {
	whenever(i, 7, func() { d.Crash(point) })
}

func whenever(i, every int, do func()) {
	if i%every == every-1 {
		do()
	}
}

// TestUncommittedIsUnseen: a crash before the commit takes back what was sent.
func TestUncommittedIsUnseen(t *testing.T) {
	d := testkit.New(t, build(t, func(b *streams.Builder) {
		streams.From(b, in).GroupByKey().Count(counts).ToStream().To(out)
	}), testkit.CommitEvery(0))
	results := testkit.Output(d, out)
	testkit.Input(d, in).Pipe("k", "a", at(1))
	require.Empty(t, results.Read())
	d.Crash(testkit.DuringCommit)
	require.Empty(t, results.Read(), "the transaction was aborted, and its record is processed again")
	d.Commit()
	require.Equal(t, []string{"1@1"}, perKey(results.Read())["k"])
}

// TestAtLeastOnceRepeats: without transactions, what was sent before a crash stays.
func TestAtLeastOnceRepeats(t *testing.T) {
	d := testkit.New(t, build(t, func(b *streams.Builder) {
		streams.MapValues(streams.From(b, in), func(string) int64 { return 7 }).To(out)
	}), testkit.AtLeastOnce(), testkit.CommitEvery(0))
	testkit.Input(d, in).Pipe("k", "a", at(1))
	d.Crash(testkit.BeforeCommit)
	d.Commit()
	require.Len(t, testkit.Output(d, out).Read(), 2)
}

func failing(b *streams.Builder) {
	counted := streams.From(b, in).GroupByKey().Count(counts).ToStream()
	counted.To(out)
	counted.ForEach(func(r streams.Record[string, int64]) error {
		switch r.Key {
		case "bad":
			return errors.New("no such thing")
		case "worse":
			panic("at the disco")
		}
		return nil
	})
}

// TestFailedRecordsAreTakenBack: what a record did before it failed, to stores and to outputs, is undone.
func TestFailedRecordsAreTakenBack(t *testing.T) {
	dead := streams.NewTopic("dead", serde.String, serde.String)
	d := testkit.New(t, build(t, failing), testkit.DeadLetter("dead"))
	for _, key := range []string{"good", "bad", "worse", "good"} {
		testkit.Input(d, in).Pipe(key, "v", at(1))
	}
	require.Equal(t, []string{"1@1", "2@1"}, perKey(testkit.Output(d, out).Read())["good"])
	require.Equal(t, []state.Row[string, int64]{{Key: "good", Value: 2, Timestamp: 1}}, testkit.Rows(d, counts))
	require.Equal(t, map[streams.DropReason]int64{streams.DropProcess: 2}, d.Dropped())

	letters := testkit.Output(d, dead).Read()
	require.Len(t, letters, 2)
	require.Equal(t, "bad", letters[0].Key)
	header := func(r streams.Record[string, string], name string) string {
		i := slices.IndexFunc(r.Headers, func(h streams.Header) bool { return h.Key == "__streams.errors."+name })
		return string(r.Headers[i].Value)
	}
	require.Contains(t, header(letters[0], "message"), "no such thing")
	require.Equal(t, "in", header(letters[0], "topic"))
	require.Equal(t, "1", header(letters[0], "offset"))
	require.Contains(t, header(letters[1], "message"), "panic: at the disco")
	require.Contains(t, header(letters[1], "stacktrace"), "driver_test.go")
}

// TestOnErrorDecides as that of an application does, by the error.
func TestOnErrorDecides(t *testing.T) {
	dead := streams.NewTopic("dead", serde.String, serde.String)
	var seen []string
	policy := streams.PolicyFunc(func(e *streams.ProcessError) streams.ErrorAction {
		seen = append(seen, fmt.Sprintf("%s/%d %s %v", e.Topic, e.Offset, e.Key, e.Cause))
		switch string(e.Key) {
		case "bad":
			return streams.DeadLetter
		case "worse":
			return streams.Skip
		}
		return streams.Fail
	})
	d, err := testkit.NewDriver(build(t, failing), testkit.OnError(policy), testkit.DeadLetter("dead"))
	require.NoError(t, err)
	for _, key := range []string{"good", "bad", "worse"} {
		testkit.Input(d, in).Pipe(key, "v", at(1))
	}
	require.NoError(t, d.Err())
	require.Len(t, testkit.Output(d, dead).Read(), 1)
	require.Equal(t, map[streams.DropReason]int64{streams.DropProcess: 2}, d.Dropped())
	testkit.Input(d, in).PipeRaw(testkit.RawRecord{Key: []byte("odd"), Value: []byte("v"), Timestamp: -1})
	require.ErrorIs(t, d.Err(), streams.ErrTimestamp)
	require.Equal(t, []string{"in/1 bad processing", "in/2 worse processing", "in/3 odd decoding"}, seen)

	without, err := testkit.NewDriver(build(t, failing), testkit.OnError(policy))
	require.NoError(t, err)
	testkit.Input(without, in).Pipe("bad", "v", at(1))
	require.ErrorContains(t, without.Err(), "Config.OnError says DeadLetter, and there is no DeadLetterTopic")
	for _, none := range []streams.ErrorPolicy{nil, streams.PolicyFunc(nil)} {
		_, err = testkit.NewDriver(build(t, failing), testkit.OnError(none))
		require.ErrorContains(t, err, "OnError needs a policy")
	}
}

// TestAPanicNamesItsLine: that of the code which panics, also where it does so in the runtime or in the library.
func TestAPanicNamesItsLine(t *testing.T) {
	lost := state.NewKeyValue("lost", serde.String, serde.Int64)
	_, file, line, _ := runtime.Caller(0)
	for i, panics := range []func(ctx *streams.Context[string, string]){
		func(*streams.Context[string, string]) { panic("oh") },
		func(*streams.Context[string, string]) { _ = strings.Fields("")[0] },
		func(*streams.Context[string, string]) { var p *int; *p = 1 },
		func(ctx *streams.Context[string, string]) { lost.In(ctx) },
	} {
		d, err := testkit.NewDriver(build(t, func(b *streams.Builder) {
			streams.Process(streams.From(b, in), streams.ProcessFunc(
				func(ctx *streams.Context[string, string], _ streams.Record[string, string]) error {
					panics(ctx)
					return nil
				}))
		}))
		require.NoError(t, err)
		testkit.Input(d, in).Pipe("k", "v", at(1))
		var panicked *streams.PanicError
		require.ErrorAs(t, d.Err(), &panicked)
		require.Equal(t, fmt.Sprintf("%s:%d", file, line+2+i), panicked.Site)
		require.ErrorContains(t, d.Err(), "(at "+panicked.Site+")")
	}
}

func TestFailureStopsByDefault(t *testing.T) {
	d, err := testkit.NewDriver(build(t, failing))
	require.NoError(t, err)
	testkit.Input(d, in).Pipe("good", "v", at(1))
	testkit.Input(d, in).Pipe("bad", "v", at(1))
	var failed *streams.ProcessError
	require.ErrorAs(t, d.Err(), &failed)
	require.Equal(t, "in", failed.Topic)
	require.Equal(t, int64(1), failed.Offset)
	require.Contains(t, failed.Node, "foreach")
	require.Contains(t, failed.Site, "driver_test.go")
	require.NoError(t, d.Close())
}

// TestUndecodableRecords: first, in the middle and last, alone and in a row; what lies between is processed and the
// offset moves on.
func TestUndecodableRecords(t *testing.T) {
	numbers := streams.NewTopic("numbers", serde.String, serde.Int64)
	d := testkit.New(t, build(t, func(b *streams.Builder) { streams.From(b, numbers).To(out) }), testkit.Skip())
	bad := testkit.RawRecord{Key: []byte("k"), Value: []byte("xxx"), Timestamp: 1}
	feed := testkit.Input(d, numbers)
	feed.PipeRaw(bad)
	feed.Pipe("k", 1, at(1))
	feed.PipeRaw(bad)
	feed.PipeRaw(bad)
	feed.Pipe("k", 2, at(2))
	feed.PipeRaw(bad)
	d.Restart()
	feed.Pipe("k", 3, at(3))
	require.Equal(t, []string{"1@1", "2@2", "3@3"}, perKey(testkit.Output(d, out).Read())["k"])
	require.Equal(t, map[streams.DropReason]int64{streams.DropDeserialize: 4}, d.Dropped(), "none is looked at twice")
}

// TestWallClockPunctuation: a schedule fires once however far the clock moves.
func TestWallClockPunctuation(t *testing.T) {
	var fired []int64
	d := testkit.New(t, build(t, func(b *streams.Builder) {
		streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, int64] {
			return &ticker{clock: streams.WallClockTime, fired: &fired}
		}).To(out)
	}))
	for _, by := range []time.Duration{9, 1, 35, 4, 1} {
		d.AdvanceWallClock(by * time.Millisecond)
	}
	require.Equal(t, []int64{10, 45, 50}, fired)
}

// TestStreamTimePunctuation: the first record fires it, whatever its time. What happens to the process between two
// records makes no difference.
func TestStreamTimePunctuation(t *testing.T) {
	for name, disturb := range map[string]func(d *testkit.Driver){
		"undisturbed": func(*testkit.Driver) {},
		"restarted":   (*testkit.Driver).Restart,
		"state lost":  (*testkit.Driver).LoseState,
		"crashed":     func(d *testkit.Driver) { d.Crash(testkit.AfterCommit) },
	} {
		t.Run(name, func(t *testing.T) {
			var fired []int64
			d := testkit.New(t, build(t, func(b *streams.Builder) {
				streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, int64] {
					return &ticker{clock: streams.StreamTime, fired: &fired}
				}).To(out)
			}))
			for _, ts := range []int64{3, 9, 10, 4, 47, 49, 50} {
				testkit.Input(d, in).Pipe("k", "v", at(ts))
				disturb(d)
			}
			require.Equal(t, []int64{3, 10, 47, 50}, fired)
		})
	}
}

type ticker struct {
	clock streams.PunctuationType
	fired *[]int64
}

func (p *ticker) Init(ctx *streams.Context[string, int64]) error {
	ctx.Schedule(10*time.Millisecond, p.clock, func(now int64) error {
		*p.fired = append(*p.fired, now)
		return nil
	})
	return nil
}

func (p *ticker) Process(*streams.Context[string, int64], streams.Record[string, string]) error {
	return nil
}

// TestInMemoryStoreComesBack: its rows are restored from the changelog at each start.
func TestInMemoryStoreComesBack(t *testing.T) {
	store := state.NewKeyValue("counts", serde.String, serde.Int64).InMemory()
	d := testkit.New(t, build(t, func(b *streams.Builder) { streams.From(b, in).GroupByKey().Count(store) }))
	testkit.Input(d, in).Pipe("k", "v", at(1))
	d.Restart()
	testkit.Input(d, in).Pipe("k", "v", at(2))
	require.Equal(t, []state.Row[string, int64]{{Key: "k", Value: 2, Timestamp: 2}}, testkit.Rows(d, store))
}

func TestChangedStoreFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	one := state.NewKeyValue("rows", serde.String, serde.String)
	other := state.NewKeyValue("rows", serde.String, serde.JSON[string]())
	d := testkit.New(t, build(t, func(b *streams.Builder) { streams.TableFrom(b, in, one) }), testkit.Pebble(dir))
	testkit.Input(d, in).Pipe("k", "v", at(1))
	require.NoError(t, d.Close())
	_, err := testkit.NewDriver(build(t, func(b *streams.Builder) {
		streams.From(b, in).ToTable(other)
	}), testkit.Pebble(dir))
	var format *streams.StateFormatError
	require.ErrorAs(t, err, &format)
	require.ErrorContains(t, err, `store "rows" as key-value(string,string), the topology declares it as key-value(string,json)`)
}

// TestOldestHeadFirst: of a task's partitions the head with the lowest timestamp, ties by topic.
func TestOldestHeadFirst(t *testing.T) {
	var order []string
	a, b := streams.NewTopic("a", serde.String, serde.String), streams.NewTopic("b", serde.String, serde.String)
	topo := build(t, func(bl *streams.Builder) {
		streams.From(bl, b).Merge(streams.From(bl, a)).Peek(func(r streams.Record[string, string]) { order = append(order, r.Value) })
	})
	d := testkit.New(t, topo, testkit.CommitEvery(0))
	d.Pause()
	for _, r := range []struct {
		topic streams.Topic[string, string]
		value string
		at    int64
	}{{b, "b5", 5}, {b, "b1", 1}, {a, "a5", 5}, {a, "a7", 7}, {b, "b9", 9}} {
		testkit.Input(d, r.topic).Pipe("k", r.value, at(r.at))
	}
	d.Resume()
	require.Equal(t, []string{"a5", "b5", "b1", "a7", "b9"}, order)
}

func BenchmarkCount(b *testing.B) {
	bytesIn := streams.NewTopic("in", serde.Bytes, serde.Bytes)
	store := state.NewKeyValue("counts", serde.Bytes, serde.Int64)
	longs := streams.NewTopic("out", serde.Bytes, serde.Int64)
	d := testkit.New(b, build(b, func(bl *streams.Builder) { streams.From(bl, bytesIn).GroupByKey().Count(store).ToStream().To(longs) }))
	feed, read := testkit.Input(d, bytesIn), testkit.Output(d, longs)
	value := make([]byte, 100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		feed.Pipe([]byte(fmt.Sprintf("%08d", i*7919%100_000)), value, at(int64(i)))
		if i%1024 == 1023 {
			read.Read()
		}
	}
}

// A fold that changes its row in place fails the test that meets it, whatever the error policy: what the record did
// cannot be taken back.
func TestAFoldThatChangesItsRowInPlace(t *testing.T) {
	seen := state.NewKeyValue("seen", serde.String, serde.JSON[map[string]int]())
	aggregate := func(change func(map[string]int) map[string]int) *topology.Topology {
		return build(t, func(b *streams.Builder) {
			streams.Aggregate(streams.From(b, in).GroupByKey(), seen, func() map[string]int { return map[string]int{} },
				func(_, v string, row map[string]int) map[string]int {
					row = change(row)
					row[v]++
					return row
				})
		})
	}
	pipe := func(topo *topology.Topology) *testkit.Driver {
		d, err := testkit.NewDriver(topo, testkit.Skip())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		for i := range 3 {
			testkit.Input(d, in).Pipe("k", "v", at(int64(i)))
		}
		return d
	}
	d := pipe(aggregate(func(row map[string]int) map[string]int { return row }))
	require.ErrorIs(t, d.Err(), state.ErrChangedInPlace)
	require.ErrorContains(t, d.Err(), `store seen, key "k"`)

	d = pipe(aggregate(maps.Clone[map[string]int]))
	require.NoError(t, d.Err())
	row, _ := testkit.Get(d, seen, "k")
	require.Equal(t, map[string]int{"v": 3}, row)
}

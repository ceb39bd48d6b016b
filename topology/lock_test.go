package topology_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var (
	hours    = state.NewWindow("hours", serde.String, serde.Int64)
	byNumber = streams.NewRepartition("by-word", serde.Int64, serde.String)
	numbered = streams.NewTopic("in", serde.Int64, serde.String)
)

func named(store string) state.KeyValue[string, int64] {
	return state.NewKeyValue(store, serde.String, serde.Int64)
}

// count counts in into a store.
func count(store state.KeyValue[string, int64]) func(b *streams.Builder) {
	return func(b *streams.Builder) { streams.From(b, in).GroupByKey().Count(store) }
}

// countHours counts in by hours.
func countHours(store state.Window[string, int64]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.From(b, in).GroupByKey().WindowedBy(window.Tumbling(time.Hour)).Count(store)
	}
}

// copyTo reads in, and sends it through a repartition topic. There is no store.
func copyTo(topic streams.Repartition[string, string]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.SelectKey(streams.From(b, in), self).Repartition(topic).To(in2())
	}
}

// countOf merges topics and counts them.
func countOf(topics ...streams.Topic[string, string]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		s := streams.From(b, topics[0])
		for _, t := range topics[1:] {
			s = s.Merge(streams.From(b, t))
		}
		s.GroupByKey().Count(counts)
	}
}

// behind declares another sub-topology before the one described.
func behind(describe func(b *streams.Builder)) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.From(b, other).ForEach(func(streams.Record[string, string]) error { return nil })
		describe(b)
	}
}

func read[K, V any](topic streams.Topic[K, V]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		streams.From(b, topic).ForEach(func(streams.Record[K, V]) error { return nil })
	}
}

const (
	notes  = topology.Notes
	breaks = topology.Breaks
)

// lockCases are edits of a topology, and what they do to its state. Text is a part of the text.
func toFirst(streams.Record[string, string], int32) []int32 { return []int32{0} }

var artists = streams.NewForeignKey("artists", serde.String, serde.String, serde.String, serde.String)

// pointing joins in with other by a foreign key.
func pointing(via streams.ForeignKey[string, string, string, string]) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		left := streams.TableFrom(b, in, state.NewKeyValue("left", serde.String, serde.String))
		streams.JoinForeignKey(left, streams.TableFrom(b, other, rows), via,
			state.NewKeyValue("both", serde.String, serde.String),
			func(_, v string) streams.Optional[string] { return streams.Some(v) }, func(l, r string) string { return l + r })
	}
}

var lockCases = map[string]struct {
	before, after func(b *streams.Builder)
	want          []topology.LockChange
}{
	"nothing": {countsAndWindows, countsAndWindows, nil},
	"steps without state": {count(counts), func(b *streams.Builder) {
		kept := streams.From(b, in).Filter(func(string) bool { return true }).Peek(func(streams.Record[string, string]) {})
		kept.GroupByKey().Count(counts).ToStream().To(out)
	}, nil},
	"store removed": {count(counts), read(in), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "its changelog topic app-counts-changelog are orphaned; if nobody"},
	}},
	"store added": {read(in), count(counts), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "needs streams.Config.AllowNewStores"},
	}},
	"store without a changelog added": {read(in), count(counts.NoChangelog()), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "is new: it starts empty"},
	}},
	"store renamed": {count(counts), count(named("totals")), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, `looks renamed to "totals"`},
		{topology.SubjectStore, "totals", notes, "is new"},
	}},
	"store replaced by one of another format": {count(counts), countHours(hours), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "if nobody needs them"},
		{topology.SubjectStore, "hours", notes, "is new"},
	}},
	"kind of a store": {countHours(hours), count(named("hours")), []topology.LockChange{
		{topology.SubjectStore, "hours", breaks, "was window(string,int64) and is key-value(string,int64)"},
	}},
	"format of a store": {count(counts), func(b *streams.Builder) {
		text := state.NewKeyValue("counts", serde.String, serde.Float64)
		streams.Aggregate(streams.From(b, in).GroupByKey(), text, func() float64 { return 0 },
			func(_, _ string, row float64) float64 { return row + 1 })
	}, []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "was key-value(string,int64) and is key-value(string,float64)"},
	}},
	"changelog switched off": {count(counts), count(counts.NoChangelog()), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "the topic app-counts-changelog is orphaned"},
	}},
	"changelog switched on": {count(counts.NoChangelog()), count(counts), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "the topic app-counts-changelog starts empty"},
	}},
	"to memory": {count(counts), count(counts.InMemory()), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "each start restores"},
	}},
	"to disk": {count(counts.InMemory()), count(counts), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "only its first start there"},
	}},
	"to memory, where only the disk had the rows": {
		count(counts.NoChangelog()), count(counts.NoChangelog().InMemory()), []topology.LockChange{
			{topology.SubjectStore, "counts", breaks, "lost when the process ends"},
		}},
	"a store that kept nothing, removed": {count(counts.NoChangelog().InMemory()), read(in), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "kept nothing beyond the process"},
	}},
	"a store that kept nothing, on disk": {
		count(counts.NoChangelog().InMemory()), count(counts.NoChangelog()), []topology.LockChange{
			{topology.SubjectStore, "counts", notes, "kept nothing beyond the process"},
		}},
	"a store that kept nothing, with a changelog": {
		count(counts.NoChangelog().InMemory()), count(counts), []topology.LockChange{
			{topology.SubjectStore, "counts", notes, "streams.Config.AllowNewStores"},
		}},
	"longer retention": {countHours(hours), countHours(hours.Retain(3 * time.Hour)), []topology.LockChange{
		{topology.SubjectStore, "hours", notes, "3h0m0s in place of 1h0m0s: those that have expired do not come back, and an " +
			"existing changelog topic needs a retention.ms of at least 10800000"},
	}},
	"shorter retention": {countHours(hours.Retain(3 * time.Hour)), countHours(hours), []topology.LockChange{
		{topology.SubjectStore, "hours", breaks, "1h0m0s in place of 3h0m0s"},
	}},
	"number of the sub-topology": {count(counts), behind(count(counts)), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "is in sub-topology 1 in place of 0"},
		{topology.SubjectSource, "other", notes, "is new"},
	}},
	"number of the sub-topology, where only the disk has the rows": {
		count(counts.NoChangelog()), behind(count(counts.NoChangelog())), []topology.LockChange{
			{topology.SubjectStore, "counts", breaks, "there is no changelog to restore them from"},
			{topology.SubjectSource, "other", notes, "is new"},
		}},
	"another input": {countOf(in), countOf(other), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "was fed by in and is fed by other"},
		{topology.SubjectSource, "in", notes, "is not read any more"},
		{topology.SubjectSource, "other", notes, "is new"},
	}},
	"one input replaced": {countOf(in, other), countOf(in, in2()), []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "was fed by in, other and is fed by in, joined"},
		{topology.SubjectSource, "other", notes, "is not read any more"},
		{topology.SubjectSource, "joined", notes, "is new"},
	}},
	"one more input": {countOf(in), countOf(in, other), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "is fed by other too: that topic must not have more partitions than in"},
		{topology.SubjectSource, "other", notes, "is new"},
	}},
	"one input less": {countOf(in, other), countOf(in), []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "is no longer fed by other"},
		{topology.SubjectSource, "other", notes, "is not read any more"},
	}},
	"a repartition topic in front of a store": {countOf(in), func(b *streams.Builder) {
		streams.GroupBy(streams.From(b, in), self, byWord).Count(counts)
	}, []topology.LockChange{
		{topology.SubjectStore, "counts", notes, "is in sub-topology 1 in place of 0"},
		{topology.SubjectStore, "counts", breaks, "was fed by in and is fed by app-by-word-repartition"},
		{topology.SubjectRepartition, "app-by-word-repartition", notes, "is new"},
	}},
	"a stream joined beside a store": {count(counts), func(b *streams.Builder) {
		s := streams.From(b, in)
		s.GroupByKey().Count(counts)
		streams.Join(s, streams.TableFrom(b, other, rows), func(v, row string) string { return v + row }).To(in2())
	}, []topology.LockChange{
		{topology.SubjectStore, "rows", notes, "is new"},
		{topology.SubjectSource, "other", notes, "is new"},
	}},
	"repartition topic removed": {copyTo(byWord), read(in), []topology.LockChange{
		{topology.SubjectRepartition, "app-by-word-repartition", breaks, "let the older version catch up"},
	}},
	"repartition topic renamed": {
		copyTo(byWord), copyTo(streams.NewRepartition("by-term", serde.String, serde.String)), []topology.LockChange{
			{topology.SubjectRepartition, "app-by-word-repartition", breaks, `looks renamed to "app-by-term-repartition"`},
			{topology.SubjectRepartition, "app-by-term-repartition", notes, "is new"},
		}},
	"format of a repartition topic": {copyTo(byWord), func(b *streams.Builder) {
		length := func(v string) int64 { return int64(len(v)) }
		streams.SelectKey(streams.From(b, in), length).Repartition(byNumber).ForEach(
			func(streams.Record[int64, string]) error { return nil })
	}, []topology.LockChange{
		{topology.SubjectRepartition, "app-by-word-repartition", breaks, "was string/string and is int64/string"},
	}},
	"partitions of a repartition topic": {copyTo(byWord), copyTo(byWord.Partitions(4)), []topology.LockChange{
		{topology.SubjectRepartition, "app-by-word-repartition", breaks,
			"has 4 partitions in place of as many partitions as its largest source"},
	}},
	"a Partitioner for a repartition topic": {copyTo(byWord), copyTo(byWord.Partitioner(toFirst)), []topology.LockChange{
		{topology.SubjectRepartition, "app-by-word-repartition", breaks, "is split by a Partitioner in place of the hash"},
	}},
	"a Partitioner of a repartition topic removed": {
		copyTo(byWord.Partitioner(toFirst)), copyTo(byWord), []topology.LockChange{
			{topology.SubjectRepartition, "app-by-word-repartition", breaks, "by the hash of its keys in place of a Partitioner"},
		}},
	"where the right rows of a join by foreign key are": {
		pointing(artists), pointing(artists.RightPartition(func(string, int32) int32 { return 0 })), []topology.LockChange{
			{topology.SubjectRepartition, "app-artists-subscription-registration-topic", breaks, "is split by a Partitioner"},
		}},
	"keys of a topic that feeds a store": {count(counts), func(b *streams.Builder) {
		streams.From(b, numbered).GroupByKey().Count(state.NewKeyValue("counts", serde.Int64, serde.Int64))
	}, []topology.LockChange{
		{topology.SubjectStore, "counts", breaks, "is key-value(int64,int64)"},
		{topology.SubjectSource, "in", breaks, "has keys of format int64 in place of string: the rows of counts"},
	}},
	"keys of a topic that feeds none": {read(in), read(numbered), []topology.LockChange{
		{topology.SubjectSource, "in", notes, "must decode"},
	}},
	"values of a topic": {read(in), read(streams.NewTopic("in", serde.String, serde.Int64)), []topology.LockChange{
		{topology.SubjectSource, "in", notes, "has values of format int64 in place of string"},
	}},
	"reset policy by time": {read(in.FromCommitted()), read(in.FromPast(time.Hour)), []topology.LockChange{
		{topology.SubjectSource, "in", notes, "from the records of the last 1h0m0s in place of committed offsets only"},
	}},
	"reset policy": {read(in), read(in.FromLatest()), []topology.LockChange{
		{topology.SubjectSource, "in", notes, "is read from the latest record in place of the earliest record"},
	}},
}

func TestLockCompare(t *testing.T) {
	for name, c := range lockCases {
		t.Run(name, func(t *testing.T) {
			got := compile(t, c.before).Lock().Compare(compile(t, c.after).Lock())
			require.Len(t, got, len(c.want), "%v", got)
			for i, want := range c.want {
				require.Contains(t, got[i].Text, want.Text)
				want.Text = got[i].Text
				require.Equal(t, want, got[i])
			}
		})
	}
}

// TestRenamesArePaired: of stores that come and go at once, each is the successor of one, and the inputs decide first.
func TestRenamesArePaired(t *testing.T) {
	lock := func(ofIn, ofOther string) topology.Lock {
		return compile(t, func(b *streams.Builder) {
			if ofIn != "" {
				streams.From(b, in).GroupByKey().Count(named(ofIn))
			}
			streams.From(b, other).GroupByKey().Count(named(ofOther))
		}).Lock()
	}
	before := lock("of-in", "of-other")
	got := before.Compare(lock("z", "a"))
	require.Contains(t, got[0].String(), `store "of-in" is gone, and looks renamed to "z"`)
	require.Contains(t, got[1].String(), `store "of-other" is gone, and looks renamed to "a"`)
	got = before.Compare(lock("", "a"))
	require.Contains(t, got[0].String(), `store "of-in" is gone: its rows`)
	require.Contains(t, got[1].String(), `store "of-other" is gone, and looks renamed to "a"`)
}

// TestAnotherApplicationID makes all other differences moot.
func TestAnotherApplicationID(t *testing.T) {
	topo, err := compile(t, wordCount).WithApp("app2")
	require.NoError(t, err)
	got := compile(t, countsAndWindows).Lock().Compare(topo.Lock())
	require.Len(t, got, 1)
	require.Equal(t, topology.SubjectApp, got[0].Subject)
	require.Equal(t, "breaks", got[0].Severity.String())
	require.Contains(t, got[0].String(), `application id "app" is now "app2": all state`)
}

// TestNoDifferenceIsSilent changes each field of a lock in turn.
func TestNoDifferenceIsSilent(t *testing.T) {
	lock := func() topology.Lock { return compile(t, countsAndWindows).Lock() }
	fields := len(leaves(reflect.ValueOf(new(lock())).Elem(), "Lock"))
	require.Greater(t, fields, 20)
	for i := range fields {
		changed := lock()
		field := leaves(reflect.ValueOf(&changed).Elem(), "Lock")[i]
		switch v := field.value; v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		default:
			v.SetInt(v.Int() + 1)
		}
		require.NotEmpty(t, lock().Compare(changed), field.path)
		require.NotEmpty(t, changed.Compare(lock()), field.path)
	}
}

type leaf struct {
	path  string
	value reflect.Value
}

func leaves(v reflect.Value, path string) (out []leaf) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			out = append(out, leaves(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, leaves(v.Index(i), path)...)
		}
	default:
		out = append(out, leaf{path, v})
	}
	return out
}

func TestLockFile(t *testing.T) {
	want := compile(t, countsAndWindows).Lock()
	text, err := want.JSON()
	require.NoError(t, err)
	got, err := topology.ParseLock(text)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Empty(t, got.Compare(want))
	_, err = topology.ParseLock([]byte(strings.Replace(string(text), "app", "later", 1)))
	require.ErrorContains(t, err, `lock file: json: unknown field "later"`)
	_, err = topology.ParseLock(text[:20])
	require.ErrorContains(t, err, "lock file")
}

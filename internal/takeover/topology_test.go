package takeover_test

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

type (
	texts  = streams.Topic[string, string]
	counts = streams.Topic[string, int64]
)

// topics are those of one application, whose id their names begin with.
type topics struct {
	app                                 string
	events, others                      texts
	left, right, history                texts
	counted, grouped                    counts
	reduced, lettered                   texts
	tumbled, hopped, closed, suppressed texts
	sessioned                           texts
	joined, leftJoined, outerJoined     texts
	enriched, both, pointed, asOf       texts
}

func topicsOf(app string) *topics {
	text := func(name string) texts { return streams.NewTopic(app+"."+name, serde.String, serde.String) }
	count := func(name string) counts { return streams.NewTopic(app+"."+name, serde.String, serde.Int64) }
	return &topics{
		app: app, events: text("events"), others: text("others"),
		left: text("left"), right: text("right"), history: text("history"),
		counted: count("counted"), grouped: count("grouped"), reduced: text("reduced-out"), lettered: text("lettered"),
		tumbled: text("tumbled"), hopped: text("hopped"), closed: text("closed"), suppressed: text("suppressed-out"),
		sessioned: text("sessioned"), joined: text("joined"), leftJoined: text("left-joined"),
		outerJoined: text("outer-joined"), enriched: text("enriched"), both: text("both"), pointed: text("pointed"),
		asOf: text("as-of"),
	}
}

// inputs are the topics that are read, in the order of their numbers in steps.
func (t *topics) inputs() []texts { return []texts{t.events, t.others, t.left, t.right, t.history} }

func rows(name string) state.KeyValue[string, string] {
	return state.NewKeyValue(name, serde.String, serde.String)
}

func numbers(name string) state.KeyValue[string, int64] {
	return state.NewKeyValue(name, serde.String, serde.Int64)
}

func windows(name string) state.Window[string, int64] {
	return state.NewWindow(name, serde.String, serde.Int64)
}

// build is the topology of Takeover.java.
func build(t *topics) (*topology.Topology, error) {
	b := streams.NewBuilder(t.app)
	events, others := streams.From(b, t.events), streams.From(b, t.others)
	left, right := streams.TableFrom(b, t.left, rows("left-rows")), streams.TableFrom(b, t.right, rows("right-rows"))

	group := events.GroupByKey()
	group.Count(numbers("counts")).ToStream().To(t.counted)
	group.Reduce(rows("reduced"), func(row, v string) string { return last(row + v) }).ToStream().To(t.reduced)
	letters := streams.GroupBy(events, func(v string) string { return v[:1] },
		streams.NewRepartition("by-letter", serde.String, serde.String).Partitions(1))
	streams.Aggregate(letters, rows("letters"), func() string { return "" },
		func(_, v, row string) string { return last(v + row) }).ToStream().To(t.lettered)

	tumbling, hopping := window.Tumbling(10*time.Second), window.Hopping(10*time.Second, 4*time.Second)
	grace := 5 * time.Second
	told(group.WindowedBy(tumbling.Grace(grace)).Count(windows("tumbling")).Updates()).To(t.tumbled)
	told(group.WindowedBy(hopping.Grace(grace)).Count(windows("hopping")).Updates()).To(t.hopped)
	told(group.WindowedBy(tumbling.Grace(grace)).Count(windows("closing")).Final()).To(t.closed)
	told(group.WindowedBy(tumbling.Grace(grace)).Count(windows("suppressing")).Final()).To(t.suppressed)
	told(group.SessionsBy(window.Sessions(2 * time.Second).Grace(grace)).
		Count(state.NewSession("sessions", serde.String, serde.Int64)).Updates()).To(t.sessioned)

	within := window.Within(3 * time.Second).Grace(grace)
	streams.JoinStreams(events, others, within, joining("inner"), pair).To(t.joined)
	streams.LeftJoinStreams(events, others, within, joining("left"), pairLeft).To(t.leftJoined)
	streams.OuterJoinStreams(events, others, within, joining("outer"), pairAny).To(t.outerJoined)
	streams.LeftJoin(events, left, pairLeft).To(t.enriched)

	both := streams.TableOuterJoin(left, right, pairAny)
	both.Materialize(rows("both-rows")).ToStream().To(t.both)
	streams.LeftJoinForeignKey(left, right,
		streams.NewForeignKey("foreign", serde.String, serde.String, serde.String, serde.String), rows("foreign-rows"),
		func(_, v string) streams.Optional[string] { return streams.Some(v[:2]) }, pairLeft).ToStream().To(t.pointed)
	streams.TableGroupBy(left, func(_, v string) (string, string) { return v[:2], v },
		streams.NewRepartition("by-pointer", serde.String, serde.String)).
		Count(numbers("pointers")).ToStream().To(t.grouped)
	history := streams.VersionedTableFrom(b, t.history,
		state.NewVersioned("history-rows", serde.String, serde.String, 20*time.Second))
	streams.LeftJoin(others, history, pairLeft).To(t.asOf)
	return b.Build()
}

func joining(name string) state.Join[string, string, string] {
	return state.NewJoin(name+"-join", serde.String, serde.String, serde.String)
}

// told is results with the window in the value; sessions that are gone are null.
func told(results *streams.WindowResults[string, int64]) *streams.Stream[string, string] {
	type record = streams.Record[window.Windowed[string], int64]
	return streams.ResultsByRecord(results, func(r record) (out streams.Record[string, string], err error) {
		n := "null"
		if !r.NullValue {
			n = fmt.Sprint(r.Value)
		}
		w := r.Key.Window
		return streams.NewRecord(r.Key.Key, fmt.Sprintf("%d-%d:%s", w.Start, w.End, n), r.Timestamp), nil
	})
}

func pair(a, b string) string { return a + "/" + b }

func pairLeft(a string, b streams.Optional[string]) string { return a + "/" + orNull(b) }

func pairAny(a, b streams.Optional[string]) string { return orNull(a) + "/" + orNull(b) }

// orNull is what Java writes for a null.
func orNull(v streams.Optional[string]) string {
	if !v.OK {
		return "null"
	}
	return v.Value
}

func last(s string) string { return s[max(0, len(s)-12):] }

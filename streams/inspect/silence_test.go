package inspect

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// shopTopology has a stream joined with a table, windows with final results, and two streams that are joined.
func shopTopology(t *testing.T) *topology.Topology {
	text := func(name string) streams.Topic[string, string] {
		return streams.NewTopic(name, serde.String, serde.String)
	}
	b := streams.NewBuilder("shop")
	customers := streams.TableFrom(b, text("customers"), state.NewKeyValue("customers", serde.String, serde.String))
	streams.Join(streams.From(b, text("orders")), customers, func(o, c string) string { return o + c }).To(text("enriched"))
	streams.From(b, text("views")).GroupByKey().WindowedBy(window.Tumbling(10 * time.Second)).
		Count(state.NewWindow("views", serde.String, serde.Int64)).Final().ByKey().
		To(streams.NewTopic("per-10s", serde.String, serde.Int64))
	left, right := streams.From(b, text("left")), streams.From(b, text("right"))
	left.Merge(right).To(text("both"))
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

// taskOf is a running task that has read all of some inputs.
func taskOf(name string, inputs ...streams.InputStatus) streams.TaskStatus {
	t := streams.TaskStatus{Task: name, Running: true, Inputs: inputs}
	for _, in := range inputs {
		if in.Time.After(t.StreamTime) {
			t.StreamTime = in.Time
		}
	}
	return t
}

func inputAt(topic string, partition int32, at time.Time) streams.InputStatus {
	in := streams.InputStatus{Topic: topic, Partition: partition, Time: at}
	if !at.IsZero() {
		in.Position, in.Committed, in.End = 5, 5, 5
	}
	return in
}

func foundBy(checks []Check, text string) Check {
	for _, c := range checks {
		if strings.Contains(c.Text, text) {
			return c
		}
	}
	return Check{Found: "there is no such check"}
}

// TestClosingIsAText: it stands by itself, and behind "stream time stands still in 1 task of".
func TestClosingIsAText(t *testing.T) {
	tasks := []streams.TaskStatus{{Task: "0_0", StreamTime: time.UnixMilli(3_000)}}
	sessions := &graph.Node{Name: "visits", Windows: "session(gap 20s)"}
	require.Equal(t, "visits: its windows, session(gap 20s) with a grace of 0s, close once stream time is past their end "+
		"by that", closing(tasks, sessions))
	minutes := &graph.Node{Name: "minutes", Windows: "tumbling(1m0s)"}
	require.Contains(t, closing(tasks, minutes), "minutes: in task 0_0 the next window ends at 1970-01-01 00:01:00 UTC and ")
}

// TestSilenceIsNamed: a silent partition of a stream with what waits for it, and streams that are far apart; a table
// that was filled once is as it should be.
func TestSilenceIsNamed(t *testing.T) {
	topo, now := shopTopology(t), time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	long := now.Add(-10 * time.Minute)
	s := streams.Snapshot{At: now, State: streams.Running, Tasks: []streams.TaskStatus{
		taskOf("0_0", inputAt("customers", 0, long), inputAt("orders", 0, now)),
		taskOf("0_1", inputAt("customers", 1, now), inputAt("orders", 1, now)),
		taskOf("1_0", inputAt("views", 0, now)),
		taskOf("1_1", inputAt("views", 1, now)),
	}}
	checks := Causes(s, topo, nil)
	silent, apart, open := "Does a partition get nothing", "Is one input of a task silent", "Are windows open"
	require.Empty(t, foundBy(checks, silent).Found)
	require.Empty(t, foundBy(checks, apart).Found, "a table was filled once")
	require.Empty(t, foundBy(checks, open).Found)
	require.Contains(t, foundBy(checks, open).Note, "closes when a record of")
	for _, c := range checks {
		require.NotEmpty(t, c.Part, c.Text)
	}

	s.Tasks[3] = taskOf("1_1", inputAt("views", 1, long))
	checks = Causes(s, topo, nil)
	found := foundBy(checks, silent).Found
	require.Contains(t, found, "views/1, task 1_1, has had nothing since 2026-01-02 02:50:00 UTC, while views/0 is at "+
		"2026-01-02 03:00:00 UTC: windows of aggregate")
	require.Contains(t, found, "(tumbling(10s)) stay open there, and what they give does not come to per-10s")
	require.Contains(t, foundBy(checks, open).Found, "stream time stands still in 1 task of aggregate")
	require.Contains(t, foundBy(checks, open).Note, "in task 1_0 the next window")
	require.Equal(t, "1_1", tasksOf(s)[0].Task, "the worst one is first")
	require.Equal(t, "10m0s", tasksOf(s)[0].Stands)

	s.Tasks[3] = taskOf("1_1", inputAt("views", 1, time.Time{}))
	require.Contains(t, foundBy(Causes(s, topo, nil), silent).Found, "views/1, task 1_1, has never had a record, while")

	own := s
	own.Tasks = []streams.TaskStatus{taskOf("1_1", inputAt("views", 1, long))}
	require.Empty(t, foundBy(Causes(own, topo, nil), silent).Found, "nothing is known of others")
	v := Peers{All: []Peer{{Snapshot: &s}}}
	s.Tasks = s.Tasks[:3]
	p := newPage(topoApp{own, topo}, &stores{topo: topologyOf(topoApp{own, topo})})
	require.Contains(t, foundBy(causes(own, p.topo, nil, v.tasks()), silent).Found, "views/1, task 1_1, has had nothing")

	s.Tasks = []streams.TaskStatus{taskOf("2_0", inputAt("left", 0, long), inputAt("right", 0, now))}
	require.Contains(t, foundBy(Causes(s, topo, nil), apart).Found, "left/0 is at 2026-01-02 02:50:00 UTC and right/0")
}

// topoApp is an application that is not there, with a topology.
type topoApp struct {
	s    streams.Snapshot
	topo *topology.Topology
}

func (a topoApp) Snapshot() streams.Snapshot   { return a.s }
func (a topoApp) Topology() *topology.Topology { return a.topo }

// TestWorstTasksAreFirst: those that do not run, stand still, have left records out, drop some, and the others.
func TestWorstTasksAreFirst(t *testing.T) {
	now := time.Now()
	s := streams.Snapshot{At: now, Tasks: []streams.TaskStatus{
		taskOf("0_0", inputAt("in", 0, now)), taskOf("0_1", inputAt("in", 1, now)), taskOf("0_2", inputAt("in", 2, now)),
		taskOf("0_3", inputAt("in", 3, now.Add(-time.Hour))), {Task: "0_4"},
	}}
	s.Tasks[1].Dropped, s.Tasks[2].Error = 3, "does not decode"
	var names []string
	for _, t := range tasksOf(s) {
		names = append(names, t.Task)
	}
	require.Equal(t, []string{"0_4", "0_3", "0_2", "0_1", "0_0"}, names)
}

// TestDropsAndFailuresOnThePage: what reasons mean, of how many, one record of each, and the same failures together;
// what is in records is for those who may see it.
func TestDropsAndFailuresOnThePage(t *testing.T) {
	topo, now := shopTopology(t), time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	record := &streams.FailedRecord{Value: []byte("value of a record")}
	s := streams.Snapshot{
		At: now, Workers: []streams.WorkerStatus{{}}, Tasks: []streams.TaskStatus{{Task: "0_0", Records: 90}},
	}
	step := ""
	for _, n := range topologyOf(topoApp{s, topo}).Subs()[0].Nodes {
		if strings.HasPrefix(n.Name, "join") {
			step = n.Name
		}
	}
	s.Drops = []streams.Drops{{Step: step, Reason: streams.DropNullKey, Records: 30, Last: &streams.DroppedRecord{
		At: now, Topic: "orders", Partition: 1, Offset: 123, Record: record,
	}}}
	for i := range 35 {
		s.Failures = append(s.Failures, streams.Failure{
			At: now.Add(time.Duration(i) * time.Second), Step: "source-1", Cause: "decoding", Topic: "payments",
			Offset: int64(i), Error: `value "` + strings.Repeat("x", i) + `" at ` + strings.Repeat("7", i+1), Record: record,
		})
	}
	other := streams.Failure{At: now, Step: "source-2", Cause: "decoding", Topic: "payments", Error: "other"}
	s.Failures = append(s.Failures, other)
	app := topoApp{s, topo}
	show := func(o Options, asks Stores) string {
		p := newPage(app, &stores{app: asks, options: o, topo: topologyOf(app)})
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Body.String()
	}
	hidden, shown := show(Options{}, nil), show(Options{ShowRecords: true}, (*streams.App)(nil))
	redacted := show(Options{ShowRecords: true, Redact: func(string, any) any { return nil }}, (*streams.App)(nil))
	require.NotContains(t, redacted, "value of a record", "of bytes nobody can say what is hidden")
	for _, text := range []string{
		"The record has no key", "30 of 90", "orders/1 offset 123", "35 times since 2026-01-02 03:00:00 UTC",
		"payments/0 offset 34", "1 worker,", "1 task,",
	} {
		require.Contains(t, hidden, text)
	}
	require.Equal(t, 2, strings.Count(hidden, "decoding: "))
	require.NotContains(t, hidden, "value of a record")
	require.NotContains(t, hidden, ">Go test</a>")
	require.Equal(t, 2, strings.Count(shown, "key <code>null</code>, value <code>value of a record</code>"))
	require.Equal(t, 35, strings.Count(shown, ">Go test</a>"))
}

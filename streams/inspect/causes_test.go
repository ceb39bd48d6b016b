package inspect_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// TestCausesFromTopologyAndGroup: tasks without an owner, a side of a join without records, and when windows close.
func TestCausesFromTopologyAndGroup(t *testing.T) {
	b := streams.NewBuilder("joined")
	left, right := streams.NewTopic("left", serde.String, serde.String), streams.NewTopic("right", serde.String, serde.String)
	users := streams.TableFrom(b, right, state.NewKeyValue("users", serde.String, serde.String))
	joined := streams.Join(streams.From(b, left), users, func(l, r string) string { return l + r })
	joined.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).
		Count(state.NewWindow("per-minute", serde.String, serde.Int64))
	topo, err := b.Build()
	require.NoError(t, err)
	s := streams.Snapshot{
		At: time.UnixMilli(100_000), State: streams.Running,
		Tasks: []streams.TaskStatus{{
			Task: "0_0", Running: true, StreamTime: time.UnixMilli(90_000),
			Inputs: []streams.InputStatus{{Topic: "left", End: 5, Lag: -1}, {Topic: "right", Lag: -1}},
		}},
	}
	texts := map[string]inspect.Check{}
	for _, c := range inspect.Causes(s, topo, []string{"0_1"}) {
		texts[c.Text] = c
	}
	require.Contains(t, texts["Has each partition an owner?"].Found, "no process has tasks 0_1")
	require.Contains(t, texts["Has each side of a join records?"].Found, "topic right has never had a record")
	windows := texts["Are windows open, and when do they close?"]
	require.Empty(t, windows.Found, "that is as it should be")
	require.Contains(t, windows.Note, "closes when a record of 1970-01-01 00:02:00 UTC or later comes; "+
		"stream time is 30s before that")

	s.Tasks[0].Inputs[1].End = 1
	for _, c := range inspect.Causes(s, topo, nil) {
		require.NotContains(t, c.Text+c.Found, "never had a record")
		require.NotContains(t, c.Found, "no process has tasks")
	}
	require.NotEmpty(t, inspect.Causes(s, nil, nil))
}

// TestProcessesAreAsked: each process shows all of them, also one that does not answer.
func TestProcessesAreAsked(t *testing.T) {
	b, topo := brokerWith(t, 2)
	one, other := newProcess(t, b, topo), newProcess(t, b, topo)
	require.Eventually(t, func() bool {
		status, all := peersOf(t, one)
		return status && len(all.All) == 2 && all.All[0].Snapshot != nil && all.All[1].Snapshot != nil &&
			len(all.Unowned) == 0 && len(all.All[0].Tasks) > 0 && len(all.All[1].Tasks) > 0
	}, time.Minute, 50*time.Millisecond)
	other.server.Close() // it works, and cannot be asked any more
	require.Eventually(t, func() bool {
		_, all := peersOf(t, one)
		for _, p := range all.All {
			if !p.Here && p.Snapshot == nil && p.Error != "" && len(p.Tasks) > 0 {
				return true
			}
		}
		return false
	}, time.Minute, 50*time.Millisecond)
	_, body, _ := get(t, one.server, "/millstream/")
	require.Contains(t, body, "(this one)")
	require.Contains(t, body, "refused", "why it could not be asked")
}

// TestVersionsOfAKey: newest first, each with its end, deletes as null.
func TestVersionsOfAKey(t *testing.T) {
	b, topo := brokerWith(t, 1)
	p := newProcess(t, b, topo)
	gone := streams.Record[string, string]{Key: "a", NullValue: true, Timestamp: 3000}
	produceAll(t, b, at("a", 1000), gone, at("a", 5000))
	rows := p.rows(t, `history?key=a&versions=true&wait=20s&position={"words":{"0":3}}`).Rows
	require.Len(t, rows, 3)
	require.Equal(t, []int64{5000, 3000, 1000}, []int64{*rows[0].Timestamp, *rows[1].Timestamp, *rows[2].Timestamp})
	require.Nil(t, rows[0].End)
	require.Equal(t, int64(5000), *rows[1].End)
	require.Nil(t, rows[1].Value)
	require.NotNil(t, rows[2].Value)
	first := p.rows(t, `history?key=a&versions=true&limit=1`)
	require.Len(t, first.Rows, 1)
	require.Equal(t, int64(3000), *p.rows(t, "history"+first.Next).Rows[0].Timestamp)
	status, _, failure, err := p.ask("history?versions=true")
	require.NoError(t, err)
	require.Equal(t, 400, status)
	require.Contains(t, failure, "needs key")
}

func brokerWith(t *testing.T, partitions int32) (*broker.Broker, *topology.Topology) {
	b, topo := broker.New(t), storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, partitions))
	return b, topo
}

func produceAll(t *testing.T, b *broker.Broker, records ...streams.Record[string, string]) {
	require.NoError(t, broker.Produce(t.Context(), b, words, records...))
}

func peersOf(t *testing.T, p *process) (ok bool, all inspect.Peers) {
	status, body, _ := get(t, p.server, "/millstream/api/v1/instances")
	require.NoError(t, json.Unmarshal([]byte(body), &all))
	return status == http.StatusOK, all
}

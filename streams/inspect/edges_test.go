package inspect

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// shownApp is an application that shows a snapshot.
type shownApp struct{ s streams.Snapshot }

func (a shownApp) Snapshot() streams.Snapshot { return a.s }

// TestLargeNumbersOfRows: who reads the answer sees the digits that the store has, also those that a float64 lacks.
func TestLargeNumbersOfRows(t *testing.T) {
	const id = 9007199254740993
	text, err := json.Marshal(StoreRow{Key: shown(id), Value: shown(map[string]int64{"<id>": id})})
	require.NoError(t, err)
	var row StoreRow
	require.NoError(t, json.Unmarshal(text, &row))
	require.Equal(t, "9007199254740993", pageJSON(row.Key))
	require.Equal(t, `{"<id>":9007199254740993}`, pageJSON(row.Value))
}

// TestTimesAtTheEndOfTheWorld: a record may have any time, and its window still has a picture.
func TestTimesAtTheEndOfTheWorld(t *testing.T) {
	for _, times := range [][2]int64{
		{math.MaxInt64, math.MaxInt64}, {math.MaxInt64 - 30_000, math.MaxInt64 - 10}, {0, math.MaxInt64}, {0, 0},
		{math.MaxInt64 - 5, math.MinInt64 + 10},
	} {
		rows := StoreRows{Kind: storage.KindSession, StreamTime: &times[0], Rows: []StoreRow{
			{Key: "a", Start: &times[0], End: &times[1], Closes: &times[1]},
		}}
		svg := string(rowBars(&rows))
		require.Contains(t, svg, "<title>a: ")
		require.LessOrEqual(t, strings.Count(svg, `class="tick"`), mostTicks+2)
	}
}

// TestChecksDoNotGuess: nothing is found where nothing is known, and nothing is wrong.
func TestChecksDoNotGuess(t *testing.T) {
	now := time.Now()
	b := streams.NewBuilder("joined")
	left, right := streams.NewTopic("left", serde.String, serde.String), streams.NewTopic("right", serde.String, serde.String)
	users := streams.TableFrom(b, right, state.NewKeyValue("users", serde.String, serde.String))
	streams.Join(streams.From(b, left), users, func(l, r string) string { return l + r }).To(left)
	topo, err := b.Build()
	require.NoError(t, err)
	s := streams.Snapshot{
		At: now, State: streams.Running, Since: now.Add(-time.Hour),
		Tasks: []streams.TaskStatus{{Task: "0_0", Running: true, StreamTime: now, Inputs: []streams.InputStatus{
			{Topic: "left", Committed: 4, Position: 4, End: 5, Lag: 1, Time: now, Buffered: 1},
			{Topic: "right", Committed: -1, End: -1, Lag: -1},
		}}},
		Workers: []streams.WorkerStatus{{Total: streams.Commit{Records: 5}}},
		Commits: []streams.Commit{{Began: now.Add(-time.Hour), Records: 5}},
		Drops:   []streams.Drops{{Step: "filter", Reason: "null_key", Records: 1}},
	}
	found := ""
	for _, c := range Causes(s, topo, nil) {
		found += c.Found + "\n"
	}
	require.NotContains(t, found, "never had a record", "the end of right is not known")
	require.NotContains(t, found, "more is known to come")
	require.Contains(t, found, "no broker has told yet")
	require.Contains(t, found, "of 5 records that were processed (20 %)")

	s.Tasks[0].Inputs[1] = streams.InputStatus{Topic: "right", Committed: -1, Position: 7, End: 7}
	require.Empty(t, commits(s), "no record of right was there to be committed")
	s.Tasks[0].Inputs[0].Position = 5
	require.Contains(t, commits(s), "the last one began")

	s.Tasks[0].Inputs[0].Lag, s.Commits = 0, nil
	require.Contains(t, comesIn(s), "nothing new has come")
	s.Since = now.Add(-time.Second)
	require.Empty(t, comesIn(s), "it runs since a moment")
}

// TestChecksWithoutTasks: what cannot be looked at is not called well.
func TestChecksWithoutTasks(t *testing.T) {
	b := streams.NewBuilder("app")
	words := streams.NewTopic("words", serde.String, serde.String)
	streams.From(b, words).To(streams.NewTopic("out", serde.String, serde.String))
	topo, err := b.Build()
	require.NoError(t, err)
	for _, c := range Causes(streams.Snapshot{State: streams.Failed, Error: "poison"}, topo, nil) {
		switch c.Text {
		case "Does the application run?":
			require.Contains(t, c.Found, "poison")
		case "Are records dropped?", "Is a record left out as it failed?":
			require.False(t, c.Unknown, c.Text)
		default:
			require.True(t, c.Unknown, c.Text)
		}
	}
	for _, c := range Causes(streams.Snapshot{State: streams.Running}, topo, nil) {
		require.False(t, c.Unknown, c.Text)
	}
}

// TestLiveEndsWithTheApplication: so that a server that shuts down need not wait for who watches.
func TestLiveEndsWithTheApplication(t *testing.T) {
	for _, state := range []streams.State{streams.Stopped, streams.Failed} {
		server := httptest.NewServer(Handler(shownApp{streams.Snapshot{State: state}}, Options{}))
		resp, err := server.Client().Get(server.URL + "/live")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body) // without an end, it would not return
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Contains(t, string(body), state.String())
		server.Close()
	}
}

// TestPageOfManyTasks shows the worst of them, and says how many more there are.
func TestPageOfManyTasks(t *testing.T) {
	s := streams.Snapshot{App: "many", State: streams.Running}
	for i := range 1000 {
		s.Tasks = append(s.Tasks, streams.TaskStatus{Task: "0_0", Running: i != 999, Inputs: []streams.InputStatus{
			{Topic: "in", Partition: int32(i), Lag: int64(i)},
		}})
	}
	w := httptest.NewRecorder()
	Handler(shownApp{s}, Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	require.True(t, strings.Contains(w.Body.String(), "restoring or waiting"))
	require.True(t, strings.Contains(w.Body.String(), "and 900 more"))
	require.Less(t, w.Body.Len(), 150_000)
}

// TestPagesOfLargeRows: an answer has as many rows as fit, the next one the rest, and a walk ends when nobody waits.
func TestPagesOfLargeRows(t *testing.T) {
	type row struct {
		Key, Value string
		Timestamp  int64
	}
	value := strings.Repeat("v", 3<<20)
	walk := func(yield func(row, error) bool) {
		for i := range 10 {
			if !yield(row{Key: string(rune('a' + i)), Value: value}, nil) {
				return
			}
		}
	}
	var gone error
	q := &query{limit: 100, kind: storage.KindKeyValue, keys: typed{serde: serde.String}, gone: func() error { return gone }}
	q.values, q.shown = map[string][]string{"prefix": {""}}, noTask{}
	var out StoreRows
	require.NoError(t, q.collect([]reflect.Value{reflect.ValueOf(walk)}, &out))
	require.Len(t, out.Rows, 3)
	require.Equal(t, "?prefix=&skip=3", out.Next)
	gone = context.Canceled
	require.ErrorIs(t, q.collect([]reflect.Value{reflect.ValueOf(walk)}, &out), context.Canceled)
}

// noTask is where rows are that no task has.
type noTask struct{}

func (noTask) Tasks() []int32      { return nil }
func (noTask) Row() (int32, int64) { return -1, -1 }

// counted counts the snapshots that are taken.
type counted struct{ snapshots int }

func (c *counted) Snapshot() streams.Snapshot {
	c.snapshots++
	return streams.Snapshot{}
}

// TestManyWatchersCostAsOne: what they are shown is made once, for each who may see it.
func TestManyWatchersCostAsOne(t *testing.T) {
	app := &counted{}
	p := newPage(app, &stores{})
	for _, as := range []string{"one", "one", "one", "other"} {
		r := httptest.NewRequest(http.MethodGet, "/live", nil)
		r.Header.Set("Authorization", as)
		sent, w := map[string]string{}, httptest.NewRecorder()
		_, err := p.send(w, r, sent)
		require.NoError(t, err)
		require.Len(t, sent, len(liveParts))
		p.now.at = time.Now().Add(time.Hour) // as if no time passed
	}
	require.Equal(t, 2, app.snapshots)
}

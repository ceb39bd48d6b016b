package inspect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
)

var linked = regexp.MustCompile(`(?:src|href|action)="([^"]*)"`)

// TestPageStandsAlone: it is small, asks nothing of other hosts, shows the parts of an application without JavaScript,
// below any prefix, and finds a row by its key.
func TestPageStandsAlone(t *testing.T) {
	b, topo := broker.New(t), storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	require.NoError(t, broker.Produce(t.Context(), b, words, at("a", 1), at("<b>", 2)))
	p.rows(t, `per-word?key=a&wait=20s&position={"words":{"0":2}}`)
	var status int
	var body string
	var header http.Header
	require.Eventually(t, func() bool { // snapshots are a moment old
		status, body, header = get(t, p.server, "/millstream/")
		return strings.Contains(body, "words/0 at 2")
	}, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Less(t, len(body), 150_000)
	for _, link := range linked.FindAllStringSubmatch(body, -1) {
		own := strings.HasPrefix(link[1], "#") || strings.HasPrefix(link[1], "./") || link[1] == "page.js" || link[1] == "data:,"
		require.True(t, own, "a link that leaves the prefix: %s", link[1])
	}
	require.NotRegexp(t, `url\(["']?[a-z]+:|@import`, body)
	for _, text := range []string{
		"<h1>asked</h1>", "Why is nothing coming out?", "<svg", "asked-per-word-changelog", "per-minute", "0_0", "words/0 at 2",
	} {
		require.Contains(t, body, text)
	}
	status, body, _ = get(t, p.server, "/millstream/?store=per-word&key=%3Cb%3E")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "<tr><td>&lt;b&gt;</td><td>1</td>")
	require.NotContains(t, body, "<b></td>")
	_, body, _ = get(t, p.server, "/millstream/?store=nothing&key=a")
	require.Contains(t, body, "no such store")
	status, body, header = get(t, p.server, "/millstream/page.js")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, header.Get("Content-Type"), "text/javascript")
	require.Less(t, len(body), 10_000)

	closed := httptest.NewServer(inspect.Handler(p.app.Load(), inspect.Options{}))
	defer closed.Close()
	_, body, _ = get(t, closed, "/?store=per-word&key=a")
	require.NotContains(t, body, "<form")
	require.NotContains(t, body, "<td>a</td>", "rows are for who may see them")
}

// TestPageIsLive: events have the parts that have changed, and nothing else.
func TestPageIsLive(t *testing.T) {
	b, topo := broker.New(t), storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server.URL+"/millstream/live", nil)
	require.NoError(t, err)
	resp, err := p.server.Client().Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	events := bufio.NewScanner(resp.Body)
	events.Buffer(nil, 1<<20)
	next := func() (parts map[string]string) {
		for events.Scan() {
			if text, ok := strings.CutPrefix(events.Text(), "data: "); ok {
				require.NoError(t, json.Unmarshal([]byte(text), &parts))
				return parts
			}
		}
		require.NoError(t, events.Err())
		return nil
	}
	first := next()
	for _, part := range []string{"state", "checks", "tasks", "restores", "stores", "commits", "drops"} {
		require.Contains(t, first, part)
	}
	require.NoError(t, broker.Produce(ctx, b, words, at("a", 1)))
	for !strings.Contains(first["tasks"], "words/0 at 1") {
		first = next()
		require.NotContains(t, first, "drops", "nothing was dropped")
	}
}

// TestChecksFindTheCause: what keeps results from coming is named, and nothing is where all is well.
func TestChecksFindTheCause(t *testing.T) {
	now := time.Now()
	found := func(change func(s *streams.Snapshot)) (texts string) {
		s := streams.Snapshot{
			At: now, State: streams.Running, Workers: []streams.WorkerStatus{{}},
			Tasks: []streams.TaskStatus{{
				Task: "0_0", Running: true, StreamTime: now,
				Inputs: []streams.InputStatus{
					{Topic: "left", Position: 5, Committed: 5, End: 9, Lag: 4, Time: now, Buffered: 1},
					{Topic: "right", Position: 5, Committed: 5, End: 9, Lag: 4, Time: now, Buffered: 1},
				},
			}},
			Commits: []streams.Commit{{Began: now, Records: 1}},
		}
		change(&s)
		for _, c := range inspect.Checks(s) {
			if c.Found != "" {
				texts += c.Text + " " + c.Found + "\n"
			}
		}
		return texts
	}
	require.Empty(t, found(func(*streams.Snapshot) {}))
	for want, change := range map[string]func(s *streams.Snapshot){
		"it is stalled since": func(s *streams.Snapshot) { s.State = streams.Stalled },
		"it is failed since":  func(s *streams.Snapshot) { s.State, s.Error = streams.Failed, "poison" },
		"no task":             func(s *streams.Snapshot) { s.Tasks = nil },
		"1 of 1 do not":       func(s *streams.Snapshot) { s.Tasks[0].Running = false },
		"waits for the group since": func(s *streams.Snapshot) {
			s.Workers[0].Waits = []streams.Wait{{For: "the group", Since: now.Add(-time.Minute)}}
		},
		"step is at work for task 0_0": func(s *streams.Snapshot) {
			s.Workers[0].CodeSince, s.Workers[0].CodeTask = now.Add(-time.Minute), "0_0"
		},
		"all that there is has been read": func(s *streams.Snapshot) {
			s.Tasks[0].Inputs[0].Lag, s.Tasks[0].Inputs[1].Lag, s.Commits = 0, 0, nil
		},
		"waits for right/0": func(s *streams.Snapshot) { s.Tasks[0].Inputs[1].Buffered = 0 },
		"7 by step filter-1 as null_key, of 28 records that were processed (25 %); 3 more": func(s *streams.Snapshot) {
			s.Workers[0].Total.Records = 28
			s.Drops = []streams.Drops{
				{Step: "filter-1", Reason: "null_value", Records: 3}, {Step: "filter-1", Reason: "null_key", Records: 7},
			}
		},
		"poison. A start comes to the same record again": func(s *streams.Snapshot) {
			s.State, s.Error = streams.Failed, "poison"
			s.Failures = []streams.Failure{{Topic: "left", Offset: 7, Action: "fail"}}
		},
		"as it failed? left/0 offset 7 at": func(s *streams.Snapshot) {
			s.Tasks, s.Failures = nil, []streams.Failure{{Topic: "left", Offset: 7, Action: "fail"}}
		},
		"task 0_0 at": func(s *streams.Snapshot) { s.Tasks[0].Error, s.Tasks[0].ErrorAt = "does not decode", now },
		"stands at": func(s *streams.Snapshot) {
			s.Tasks[0].Inputs = s.Tasks[0].Inputs[:1]
			s.Tasks[0].Inputs[0].Lag, s.Tasks[0].StreamTime = 0, now.Add(-time.Hour)
		},
	} {
		require.Contains(t, found(change), want)
	}
}

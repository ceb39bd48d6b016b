package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

var (
	words     = streams.NewTopic("words", serde.String, serde.String)
	numbers   = streams.NewTopic("numbers", serde.Int64, serde.String)
	perWord   = state.NewKeyValue("per-word", serde.String, serde.Int64)
	perMinute = state.NewWindow("per-minute", serde.String, serde.Int64).Retain(time.Hour)
	visits    = state.NewSession("visits", serde.String, serde.Int64)
	history   = state.NewVersioned("history", serde.String, serde.String, time.Hour)
	byNumber  = state.NewKeyValue("by-number", serde.Int64, serde.String)
)

func storesTopology(t *testing.T) *topology.Topology {
	b := streams.NewBuilder("asked")
	s := streams.From(b, words)
	s.GroupByKey().Count(perWord)
	s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perMinute)
	s.GroupByKey().SessionsBy(window.Sessions(time.Minute)).Count(visits)
	s.ToVersionedTable(history)
	streams.TableFrom(b, numbers, byNumber)
	topo, err := b.Build()
	require.NoError(t, err)
	return topo
}

// process is an application with a server, as one process of several has it.
type process struct {
	server *httptest.Server
	dir    string
	topo   *topology.Topology
	broker *broker.Broker
	app    atomic.Pointer[streams.App]
	stop   func() error
}

// newProcess starts one on a broker. Its server stays when it is stopped, as its address does.
func newProcess(t *testing.T, b *broker.Broker, topo *topology.Topology) *process {
	p := &process{dir: t.TempDir(), topo: topo, broker: b}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := inspect.Options{ShowRecords: true}
		http.StripPrefix("/millstream", inspect.Handler(p.app.Load(), o)).ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	p.start(t)
	return p
}

func (p *process) start(t *testing.T) {
	app, err := streams.New(p.topo, streams.Config{
		Brokers: p.broker.Addrs(), StateDir: p.dir, Logger: slog.New(slog.DiscardHandler),
		CommitInterval: 20 * time.Millisecond, Endpoint: p.server.URL + "/millstream/", SessionTimeout: 6 * time.Second,
	})
	require.NoError(t, err)
	p.app.Store(app)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	p.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { require.NoError(t, p.stop()) })
}

// ask asks a process.
func (p *process) ask(path string) (status int, rows inspect.StoreRows, failure string, err error) {
	resp, err := p.server.Client().Get(p.server.URL + "/millstream/stores/" + path)
	if err != nil {
		return 0, rows, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, rows, "", err
	}
	var refused struct{ Error string }
	err = json.Unmarshal(body, &refused)
	if resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(body, &rows)
	}
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		err = fmt.Errorf("503 without Retry-After: %s", refused.Error)
	}
	return resp.StatusCode, rows, refused.Error, err
}

// rows asks until there is an answer.
func (p *process) rows(t *testing.T, path string) (rows inspect.StoreRows) {
	t.Helper()
	failure := ""
	require.Eventually(t, func() bool {
		status, got, refused, err := p.ask(path)
		require.NoError(t, err)
		rows, failure = got, refused
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, status, refused)
		return status == http.StatusOK
	}, 30*time.Second, 5*time.Millisecond, "%s: %s", path, failure)
	return rows
}

func texts(rows inspect.StoreRows) (out []string) {
	for _, r := range rows.Rows {
		text := fmt.Sprintf("%v=%v", r.Key, r.Value)
		if r.Start != nil {
			text += fmt.Sprintf("@%d", *r.Start)
		}
		out = append(out, text)
	}
	return out
}

func at(key string, ms int64) streams.Record[string, string] {
	return streams.Record[string, string]{Key: key, Value: fmt.Sprint("v", ms), Timestamp: ms}
}

// TestStoresAnswerEachKind: by key, by range, by time, with pages; and what is asked wrongly is told.
func TestStoresAnswerEachKind(t *testing.T) {
	b, topo := broker.New(t), storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	require.NoError(t, broker.Produce(t.Context(), b, words,
		at("a", 0), at("b", 1), at("c", 2), at("a", 60_000), at("a b&c", 60_001), at("d", 60_002), at("a", 1_000_000)))
	require.NoError(t, broker.Produce(t.Context(), b, numbers,
		streams.Record[int64, string]{Key: 7, Value: "seven"}, streams.Record[int64, string]{Key: -1, Value: "less"}))
	after := "&wait=20s&position=" + url.QueryEscape(`{"words":{"0":7}}`)
	for path, want := range map[string][]string{
		"per-word?key=a" + after:                       {"a=3"},
		"per-word?key=a%20b%26c" + after:               {"a b&c=1"},
		"per-word?key=nobody" + after:                  nil,
		"per-word?" + after[1:]:                        {"a=3", "a b&c=1", "b=1", "c=1", "d=1"},
		"per-word?reverse=true" + after:                {"d=1", "c=1", "b=1", "a b&c=1", "a=3"},
		"per-word?from=b&to=c" + after:                 {"b=1", "c=1"},
		"per-word?from=b" + after:                      {"b=1", "c=1", "d=1"},
		"per-word?to=b&reverse=true" + after:           {"b=1", "a b&c=1", "a=3"},
		"per-word?prefix=a" + after:                    {"a=3", "a b&c=1"},
		"per-minute?key=a" + after:                     {"a=1@0", "a=1@60000", "a=1@960000"},
		"per-minute?key=a&from=1&to=60000" + after:     {"a=1@60000"},
		"per-minute?key=a&reverse=true&from=1" + after: {"a=1@960000", "a=1@60000"},
		"per-minute?from=60000&to=60000" + after:       {"a=1@60000", "a b&c=1@60000", "d=1@60000"},
		"per-minute?reverse=true&from=60000" + after:   {"a=1@960000", "d=1@60000", "a b&c=1@60000", "a=1@60000"},
		"visits?key=a" + after:                         {"a=1@1000000"},
		"history?key=a" + after:                        {"a=v1000000"},
		"history?key=a&at=70000" + after:               {"a=v60000"},
		"history?" + after[1:]:                         {"a=v1000000", "a b&c=v60001", "b=v1", "c=v2", "d=v60002"},
	} {
		got := p.rows(t, path)
		require.Equal(t, want, texts(got), path)
		require.Equal(t, int64(7), got.Position["words"][0])
		require.WithinDuration(t, time.Now(), got.At, time.Minute)
	}
	require.Equal(t, []string{"7=seven"}, texts(p.rows(t, `by-number?key=7&position={"numbers":{"0":2}}`)))
	for _, query := range []string{
		"per-word?limit=2", "per-word?limit=2&reverse=true", "per-minute?limit=1", "per-minute?limit=1&reverse=true",
		"per-word?prefix=a&limit=1", "history?limit=2",
	} {
		all := texts(p.rows(t, strings.Split(query, "limit")[0]+strings.TrimPrefix(query[strings.Index(query, "limit")+7:], "&")))
		name, _, _ := strings.Cut(query, "?")
		var paged []string
		for next := query; next != ""; {
			page := p.rows(t, next)
			paged = append(paged, texts(page)...)
			if next = ""; page.Next != "" {
				next = name + page.Next
			}
		}
		require.Equal(t, all, paged, query)
	}
	for path, want := range map[string]string{
		"nothing?key=a":             "no such store",
		"by-number?key=seven":       `"seven" is no key of type int64`,
		"by-number?from=x":          `"x" is no key of type int64`,
		"per-word?limit=0":          "must be 1 to 1000",
		"per-word?limit=1001":       "must be 1 to 1000",
		"per-word?colour=red":       "no parameter colour",
		"per-word?key=a&key=b":      "given 2 times",
		"per-word?at=1":             "not for stores of kind key-value",
		"per-minute?from=yesterday": "milliseconds since 1970",
		"per-word?wait=1h":          "at most 30s",
		"per-word?position=x":       "parameter position",
		"per-word?key=a&position={\"numbers\":{\"0\":1}}": "do not read topic numbers",
		"per-word?partition=9":                            "there is no partition 9",
	} {
		status, _, failure, err := p.ask(path)
		require.NoError(t, err)
		require.Contains(t, failure, want, path)
		require.GreaterOrEqual(t, status, 400, path)
		require.Less(t, status, 500, path)
	}
	status, _, failure, err := p.ask(`per-word?key=a&wait=20ms&position={"words":{"0":1000}}`)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, failure, "less than was asked for")
	resp, err := p.server.Client().Post(p.server.URL+"/millstream/stores/per-word", "text/plain", nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)

	closed := httptest.NewServer(inspect.Handler(p.app.Load(), inspect.Options{}))
	defer closed.Close()
	status, body, _ := get(t, closed, "/stores/per-word?key=a")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "ShowRecords")
}

// TestAnyProcessAnswers: a key asked at either of two processes gives the row of the one that has it; while one stops
// and comes back, each answer is right for its position, or says to ask again. A record is read behind its offset.
func TestAnyProcessAnswers(t *testing.T) { anyProcessAnswers(t, broker.New(t)) }

// TestAnyProcessAnswersOnKafka is the same on a real one.
func TestAnyProcessAnswersOnKafka(t *testing.T) {
	b, err := broker.Connect(kafkatest.Start(t).Addrs...)
	require.NoError(t, err)
	defer b.Close()
	anyProcessAnswers(t, b)
}

func anyProcessAnswers(t *testing.T, b *broker.Broker) {
	topo := storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 4))
	processes := []*process{newProcess(t, b, topo), newProcess(t, b, topo)}
	const keys = 16
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wait sync.WaitGroup
	var sent, right, later atomic.Int64
	wait.Go(func() { // each round counts each key once
		for ctx.Err() == nil {
			records := make([]streams.Record[string, string], keys)
			for k := range records {
				records[k] = at(fmt.Sprint("k", k), 1)
			}
			if !assert.NoError(t, broker.Produce(context.Background(), b, words, records...)) {
				return
			}
			sent.Add(1)
			time.Sleep(2 * time.Millisecond)
		}
	})
	for i := range 4 {
		wait.Go(func() {
			last := make([]float64, keys)
			for n := 0; ctx.Err() == nil; n++ {
				k := n % keys
				status, rows, failure, err := processes[(n+i)%2].ask(fmt.Sprintf("per-word?key=k%d", k))
				switch {
				case !assert.NoError(t, err):
					return
				case status == http.StatusServiceUnavailable:
					later.Add(1)
					continue
				case !assert.Equal(t, http.StatusOK, status, failure):
					return
				}
				count := 0.0
				if len(rows.Rows) > 0 {
					n, err := rows.Rows[0].Value.(json.Number).Float64()
					assert.NoError(t, err)
					count = n
				}
				if !assertCount(t, rows.Position, k, count) || !assert.GreaterOrEqual(t, count, last[k], "no answer goes back") {
					return
				}
				last[k] = count
				right.Add(1)
			}
		})
	}
	answered := func(n int64) {
		from := right.Load()
		require.Eventually(t, func() bool { return right.Load() > from+n || t.Failed() }, 60*time.Second, 5*time.Millisecond)
	}
	answered(200)
	for range 2 {
		require.NoError(t, processes[1].stop())
		answered(100)
		processes[1].start(t)
		answered(200)
	}
	cancel()
	wait.Wait()
	t.Logf("%d rounds of records, %d right answers, %d to ask again", sent.Load(), right.Load(), later.Load())
}

// assertCount: keys of a partition come in turn, once each round, so that the count of one follows from the position.
func assertCount(t *testing.T, p streams.Position, key int, count float64) bool {
	var partition int32
	var offset int64
	for partition, offset = range p["words"] {
	}
	var turn []int // keys of the partition
	at := 0
	for k := range 16 {
		if cluster.PartitionOf(fmt.Append(nil, "k", k), 4) == partition {
			if k == key {
				at = len(turn)
			}
			turn = append(turn, k)
		}
	}
	n := int64(len(turn))
	want := offset / n
	if offset%n > int64(at) {
		want++
	}
	return assert.Len(t, p["words"], 1) && assert.Equal(t, float64(want), count, "key %d at %v", key, p)
}

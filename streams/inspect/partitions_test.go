package inspect_test

import (
	"context"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// keyIn is a key that the default partitioner puts into a partition of two.
func keyIn(partition int32) string {
	for i := 0; ; i++ {
		if key := fmt.Sprint("k", i); cluster.PartitionOf([]byte(key), 2) == partition {
			return key
		}
	}
}

// closedOf is what an answer says of the windows or sessions of each key: whether they are closed, in the rows' order.
func closedOf(t *testing.T, rows inspect.StoreRows) map[string][]bool {
	closed := map[string][]bool{}
	for _, r := range rows.Rows {
		require.NotNil(t, r.Closed)
		key := r.Key.(string)
		closed[key] = append(closed[key], *r.Closed)
	}
	return closed
}

// TestRowsCloseByTheStreamTimeOfTheirPartition: also where all tasks of a process are asked, of which one is far ahead.
func TestRowsCloseByTheStreamTimeOfTheirPartition(t *testing.T) {
	b, topo := brokerWith(t, 2)
	p := newProcess(t, b, topo)
	behind, ahead := keyIn(0), keyIn(1)
	produceAll(t, b, at(behind, 1), at(behind, 130_000), at(ahead, 2), at(ahead, 1_000_000))
	after := "wait=20s&position=" + url.QueryEscape(`{"words":{"0":2,"1":2}}`)
	for path, want := range map[string]map[string][]bool{
		"per-minute?":              {behind: {true, false}, ahead: {true, false}},
		"per-minute?reverse=true&": {behind: {false, true}, ahead: {false, true}},
		"per-minute?from=120000&":  {behind: {false}, ahead: {false}},
		"per-minute?partition=0&":  {behind: {true, false}},
		"visits?":                  {behind: {false}, ahead: {false}},
		"visits?reverse=true&":     {behind: {false}, ahead: {false}},
	} {
		wait := after
		if path == "per-minute?partition=0&" {
			wait = "wait=20s&position=" + url.QueryEscape(`{"words":{"0":2}}`)
		}
		got := p.rows(t, path+wait)
		require.Equal(t, want, closedOf(t, got), path)
		for _, r := range got.Rows {
			require.NotNil(t, r.Partition, path)
			partition, time := int32(0), int64(130_000)
			if r.Key == ahead {
				partition, time = 1, 1_000_000
			}
			require.Equal(t, partition, *r.Partition, path)
			require.Equal(t, time, *r.StreamTime, path)
		}
	}
	_, body, _ := get(t, p.server, "/millstream/?store=per-minute")
	require.Contains(t, body, "partition 0 at 1970-01-01 00:02:10.000, partition 1 at 1970-01-01 00:16:40.000")
}

// produceTo sends a record to a partition of words, as a producer does that partitions in a way of its own.
func produceTo(t *testing.T, b *broker.Broker, partition int32, r streams.Record[string, string]) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	sent := &kgo.Record{
		Topic: words.Name(), Partition: partition, Key: []byte(r.Key), Value: []byte(r.Value),
	}
	require.NoError(t, client.ProduceSync(context.Background(), sent).FirstErr())
}

// TestPageFindsAKeyInAnotherPartition: of a producer that partitions in a way of its own, in this process or another.
func TestPageFindsAKeyInAnotherPartition(t *testing.T) {
	b, topo := brokerWith(t, 2)
	processes := []*process{newProcess(t, b, topo), newProcess(t, b, topo)}
	first, second := keyIn(0), keyIn(1)
	produceTo(t, b, 1, at(first, 1))
	produceTo(t, b, 0, at(second, 1))
	for _, p := range processes {
		for partition := range 2 {
			rows := p.rows(t, fmt.Sprintf(`per-word?partition=%d&wait=20s&position={"words":{"%d":1}}`, partition, partition))
			require.Len(t, rows.Rows, 1)
		}
		got := p.rows(t, "per-word?key="+first)
		require.Empty(t, got.Rows)
		require.Equal(t, int32(0), *got.Partition, "the one that was asked")
		for key, want := range map[string]string{
			first:  "partition 1 has it, and the default partitioner puts this key into partition 0",
			second: "partition 0 has it, and the default partitioner puts this key into partition 1",
		} {
			p.shows(t, "?store=per-word&key="+key, want, "<tr><td>"+key+"</td><td>1</td>")
		}
		p.shows(t, "?store=per-word&key=nobody", "no row", "All 2 partitions were asked")
	}
}

// shows asks for a page until it has all texts: while the group gives out tasks, it cannot tell who has them.
func (p *process) shows(t *testing.T, path string, texts ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, body, _ := get(t, p.server, "/millstream/"+path)
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(body, text) })
	}, time.Minute, 20*time.Millisecond, "%s does not show %q", path, texts)
}

var moreLink = regexp.MustCompile(`<a href="(\./[^"]*)">More rows</a>`)

// TestPageShowsAllRows: one page after the other, each row once.
func TestPageShowsAllRows(t *testing.T) {
	b, topo := brokerWith(t, 2)
	p := newProcess(t, b, topo)
	const keys = 50
	var records []streams.Record[string, string]
	for i := range keys {
		records = append(records, at(fmt.Sprint("key-", i), int64(i)))
	}
	produceAll(t, b, records...)
	require.NoError(t, b.WaitProcessed(t.Context(), topo))
	for _, store := range []string{"per-word", "per-minute", "visits", "history"} {
		seen, pages := map[string]int{}, 0
		for next := "./?store=" + store; next != ""; pages++ {
			status, body, _ := get(t, p.server, "/millstream/"+strings.TrimPrefix(html.UnescapeString(next), "./"))
			require.Equal(t, 200, status)
			for _, key := range regexp.MustCompile(`<tr><td>(key-\d+)</td>`).FindAllStringSubmatch(body, -1) {
				seen[key[1]]++
			}
			if next = ""; moreLink.MatchString(body) {
				next = moreLink.FindStringSubmatch(body)[1]
			}
		}
		require.Equal(t, 3, pages, store)
		require.Len(t, seen, keys, store)
		for key, times := range seen {
			require.Equal(t, 1, times, "%s of %s", key, store)
		}
	}
}

package inspect_test

import (
	"context"
	"encoding/json"
	"maps"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger is what a reader of committed orders adds up by itself: the sum of each key as of each offset.
type ledger struct {
	mu    sync.Mutex
	grown *sync.Cond
	parts map[place]*part
}

// place is a partition.
type place struct {
	topic     string
	partition int32
}

// part is what the ledger has of a partition.
type part struct {
	next    int64                        // all records before that offset are in
	last    int64                        // offset of the last order
	records int                          // orders
	sums    map[string][]entry           // by key
	times   map[string]map[int64][]entry // by key and start of the spell
}

// entry is the sum of a key with the record at an offset.
type entry struct {
	offset int64
	sum    sum
}

// newLedger reads topics until the test ends.
func newLedger(t *testing.T, brokers []string, topics ...string) *ledger {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topics...), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(50*time.Millisecond))
	require.NoError(t, err)
	l := &ledger{parts: map[place]*part{}}
	l.grown = sync.NewCond(&l.mu)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-done
		client.Close()
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			for _, failed := range fetches.Errors() {
				assert.ErrorIs(t, failed.Err, context.Canceled)
			}
			l.take(t, fetches)
		}
	}()
	return l
}

func (l *ledger) take(t *testing.T, fetches kgo.Fetches) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		p := l.part(place{r.Topic, r.Partition})
		if p.next = r.Offset + 1; r.Attrs.IsControl() {
			return
		}
		var o order
		assert.NoError(t, json.Unmarshal(r.Value, &o))
		p.add(string(r.Key), r.Offset, r.Timestamp, o)
	})
	l.grown.Broadcast()
}

func (l *ledger) part(at place) *part {
	if l.parts[at] == nil {
		l.parts[at] = &part{sums: map[string][]entry{}, times: map[string]map[int64][]entry{}}
	}
	return l.parts[at]
}

func (p *part) add(key string, offset int64, at time.Time, o order) {
	p.last, p.records = offset, p.records+1
	p.sums[key] = with(p.sums[key], offset, o)
	if p.times[key] == nil {
		p.times[key] = map[int64][]entry{}
	}
	start := at.Truncate(spell).UnixMilli()
	p.times[key][start] = with(p.times[key][start], offset, o)
}

func with(entries []entry, offset int64, o order) []entry {
	e := entry{offset, sum{1, o.Cents}}
	if n := len(entries); n > 0 {
		e.sum = sum{entries[n-1].sum.Orders + 1, entries[n-1].sum.Cents + o.Cents}
	}
	return append(entries, e)
}

// before is the sum of the records before an offset.
func before(entries []entry, offset int64) (s sum, ok bool) {
	n := sort.Search(len(entries), func(i int) bool { return entries[i].offset >= offset })
	if n == 0 {
		return s, false
	}
	return entries[n-1].sum, true
}

// at calls a function with what the ledger has of a partition, once all records before an offset are in.
func (l *ledger) at(where place, offset int64, read func(*part)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.part(where).next < offset {
		l.grown.Wait()
	}
	read(l.part(where))
}

// last is the offset of the last order of a partition.
func (l *ledger) last(where place) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.part(where).last
}

// records is how many orders a topic has.
func (l *ledger) records(topic string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, p := range l.parts {
		if at.topic == topic {
			n += p.records
		}
	}
	return n
}

// sumsAt are the sums of all keys of a partition as of an offset, and timesAt those of a key by time.
func (l *ledger) sumsAt(where place, offset int64) (out map[string]sum) {
	out = map[string]sum{}
	l.at(where, offset, func(p *part) {
		for key, entries := range p.sums {
			if s, ok := before(entries, offset); ok {
				out[key] = s
			}
		}
	})
	return out
}

func (l *ledger) timesAt(where place, offset int64, key string) (out map[int64]sum) {
	out = map[int64]sum{}
	l.at(where, offset, func(p *part) {
		for start, entries := range maps.All(p.times[key]) {
			if s, ok := before(entries, offset); ok {
				out[start] = s
			}
		}
	})
	return out
}

package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// check compares what a run wrote, from the given offsets on, with what the input says it must be.
func check(ctx context.Context, o options, from kadm.ListedOffsets) error {
	want := newChecker(o.workload)
	if err := read(ctx, o, in.Name(), nil, o.records, want.input); err != nil {
		return err
	}
	if o.workload == "join" {
		if err := read(ctx, o, tbl.Name(), nil, -1, want.row); err != nil {
			return err
		}
		want.join()
	}
	got := newChecker(o.workload)
	if err := read(ctx, o, out.Name(), from, -1, got.output); err != nil {
		return err
	}
	if want.sum != got.sum || want.count != got.count {
		return fmt.Errorf("wrong result: want %d records and sum %d, got %d and %d", want.count, want.sum, got.count, got.sum)
	}
	return nil
}

// checker adds up what decides whether a result is right: the number of outputs, and a sum over them.
type checker struct {
	workload string
	count    int64
	sum      uint64
	counts   map[string]int64
	newest   map[int32]int64 // stream time by partition
	windows  map[string]int64
	stream   map[int32][]event // of a join, by partition
	table    map[int32][]event
}

// event is what matters of a record for a join.
type event struct{ key, timestamp, amount int64 }

func eventOf(r *kgo.Record) event {
	return event{int64(binary.BigEndian.Uint64(r.Key)), r.Timestamp.UnixMilli(), amount(r.Value)}
}

func newChecker(workload string) *checker {
	return &checker{
		workload: workload, counts: map[string]int64{}, newest: map[int32]int64{}, windows: map[string]int64{},
		stream: map[int32][]event{}, table: map[int32][]event{},
	}
}

func (c *checker) add(v int64) {
	c.count++
	c.sum += uint64(v)
}

// input works out what the workload must write for a record.
func (c *checker) input(r *kgo.Record) {
	switch c.workload {
	case "raw", "pass":
		c.add(amount(r.Value))
	case "filter":
		if a := amount(r.Value); a&1 == 0 {
			c.add(2 * a)
		}
	case "count":
		c.counts[string(r.Key)]++
		c.add(c.counts[string(r.Key)])
	case "rekey":
		k := mix(binary.BigEndian.Uint64(r.Key)) % rekeyedKeys
		key := string(binary.BigEndian.AppendUint64(nil, k))
		c.counts[key]++
		c.add(c.counts[key])
	case "join":
		c.stream[r.Partition] = append(c.stream[r.Partition], eventOf(r))
	case "tumble":
		c.tumble(r)
	}
}

func (c *checker) row(r *kgo.Record) { c.table[r.Partition] = append(c.table[r.Partition], eventOf(r)) }

// join takes, of a partition's two topics, the head with the lower timestamp, that of the topic in where they are
// equal.
func (c *checker) join() {
	for p, stream := range c.stream {
		there, table := map[int64]bool{}, c.table[p]
		for len(stream) > 0 {
			if len(table) > 0 && table[0].timestamp < stream[0].timestamp {
				there[table[0].key] = true
				table = table[1:]
				continue
			}
			if there[stream[0].key] {
				c.add(stream[0].amount)
			}
			stream = stream[1:]
		}
	}
}

func (c *checker) tumble(r *kgo.Record) {
	ts := r.Timestamp.UnixMilli()
	c.newest[r.Partition] = max(c.newest[r.Partition], ts)
	start := ts - ts%60_000
	if start+120_000 <= c.newest[r.Partition] {
		return // late
	}
	key := string(binary.BigEndian.AppendUint64(append([]byte(nil), r.Key...), uint64(start)))
	c.windows[key] += amount(r.Value)
	c.add(c.windows[key])
}

// output adds a record that was written: each holds its figure in the first eight bytes of its value.
func (c *checker) output(r *kgo.Record) { c.add(amount(r.Value)) }

// read reads a topic up to its present end, or at most a number of records.
func read(
	ctx context.Context, o options, topic string, from kadm.ListedOffsets, most int64, each func(*kgo.Record),
) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.bootstrap))
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	defer client.Close()
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	start, left := map[int32]kgo.Offset{}, map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		begin, _ := from.Lookup(topic, end.Partition)
		if end.Offset > begin.Offset {
			start[end.Partition], left[end.Partition] = kgo.NewOffset().At(begin.Offset), end.Offset
		}
	})
	reader, err := kgo.NewClient(kgo.SeedBrokers(o.bootstrap),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: start}))
	if err != nil {
		return err
	}
	defer reader.Close()
	var seen int64
	for len(left) > 0 && seen != most {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() && seen != most {
				seen++
				each(r)
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return nil
}

package cluster

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// Input is a topic that the topology reads, with its records.
type Input struct {
	topic      string
	partitions int32
	count      int
	first      bool
	// pipe gives record i to the model, and is that record for Kafka.
	record func(model *testkit.Driver, i int) (*kgo.Record, error)
	pipe   func(model *testkit.Driver, r *kgo.Record)
}

// In are records of a topic, in the order in which they are produced.
func In[K, V any](topic streams.Topic[K, V], partitions int32, records ...streams.Record[K, V]) Input {
	return Input{
		topic: topic.Name(), partitions: partitions, count: len(records),
		record: func(model *testkit.Driver, i int) (*kgo.Record, error) {
			r, headers := &records[i], records[i].Headers
			out := &kgo.Record{Topic: topic.Name(), Timestamp: time.UnixMilli(r.Timestamp)}
			var err error
			if !r.NullKey {
				if out.Key, err = topic.Key().Append([]byte{}, r.Key); err != nil {
					return nil, fmt.Errorf("key of record %d for topic %s: %w", i, topic.Name(), err)
				}
				out.Partition = testkit.PartitionOf(model, topic, r.Key)
			}
			if !r.NullValue {
				if out.Value, err = topic.Value().Append([]byte{}, r.Value); err != nil {
					return nil, fmt.Errorf("value of record %d for topic %s: %w", i, topic.Name(), err)
				}
				out.Value = graph.SplitFrame(topic.Value(), &headers, out.Value)
			}
			for _, h := range headers {
				out.Headers = append(out.Headers, kgo.RecordHeader(h))
			}
			return out, nil
		},
		pipe: func(model *testkit.Driver, r *kgo.Record) {
			raw := testkit.RawRecord{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli()}
			for _, h := range r.Headers {
				raw.Headers = append(raw.Headers, streams.Header(h))
			}
			testkit.Input(model, topic).PipeTo(r.Partition, raw)
		},
	}
}

// First has all records of the topic written before the instances start, as those of a global table must be for results
// to be always the same.
func (in Input) First() Input {
	in.first = true
	return in
}

// Output is a topic that the topology writes.
type Output struct {
	topic      string
	partitions int32
	// check compares what the model wrote with what the cluster did.
	check func(model *testkit.Driver, got []*kgo.Record) error
}

// Out is a topic whose records must be as the model's: the test driver's, which gets the same records in the same order
// of each partition. same says what that means: Same, Latest, or a function of the test's. The records are in the order
// of their partitions and offsets.
func Out[K, V any](
	topic streams.Topic[K, V], partitions int32, same func(want, got []streams.Record[K, V]) error,
) Output {
	check := func(model *testkit.Driver, got []*kgo.Record) error {
		records := make([]streams.Record[K, V], len(got))
		for i, r := range got {
			if err := decode(topic, r, &records[i]); err != nil {
				return err
			}
		}
		want := testkit.Output(model, topic).Read()
		if err := model.Err(); err != nil {
			return fmt.Errorf("model: %w", err)
		}
		if err := same(want, records); err != nil {
			return fmt.Errorf("topic %s: %w", topic.Name(), err)
		}
		return nil
	}
	return Output{topic: topic.Name(), partitions: partitions, check: check}
}

func decode[K, V any](topic streams.Topic[K, V], r *kgo.Record, to *streams.Record[K, V]) (err error) {
	to.NullKey, to.NullValue, to.Timestamp = r.Key == nil, r.Value == nil, r.Timestamp.UnixMilli()
	var headers []streams.Header
	for _, h := range r.Headers {
		headers = append(headers, streams.Header(h))
	}
	if !to.NullKey {
		if to.Key, err = topic.Key().Decode(r.Key); err != nil {
			return fmt.Errorf("topic %s/%d offset %d: key: %w", r.Topic, r.Partition, r.Offset, err)
		}
	}
	if !to.NullValue {
		if to.Value, err = topic.Value().Decode(graph.JoinFrame(topic.Value(), &headers, r.Value)); err != nil {
			return fmt.Errorf("topic %s/%d offset %d: value: %w", r.Topic, r.Partition, r.Offset, err)
		}
	}
	return nil
}

// Same wants the same records of each key, in the same order: none lost, none twice. It is right where each result
// follows from the records of one input partition.
func Same[K comparable, V any](want, got []streams.Record[K, V]) error {
	wanted, have := perKey(want), perKey(got)
	for key, values := range wanted {
		if err := sameSequence(key, values, have[key]); err != nil {
			return err
		}
	}
	for key, values := range have {
		if len(wanted[key]) == 0 {
			return fmt.Errorf("key %v: %d records that should not be: %v", key, len(values), values[0].Value)
		}
	}
	return nil
}

func sameSequence[K comparable, V any](key K, want, got []streams.Record[K, V]) error {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("key %v: record %d of %d is missing: %v", key, i, len(want), want[i].Value)
		case i >= len(want):
			return fmt.Errorf("key %v: record %d is one too many: %v", key, i, got[i].Value)
		case want[i].NullValue != got[i].NullValue || !reflect.DeepEqual(want[i].Value, got[i].Value):
			return fmt.Errorf("key %v: record %d is %v, want %v", key, i, got[i].Value, want[i].Value)
		}
	}
	return nil
}

// Latest wants the same last record of each key. It is right also behind a repartition topic, if the last result does
// not depend on the order of the records there; at least once, if it does not depend on repetitions either.
func Latest[K comparable, V any](want, got []streams.Record[K, V]) error {
	return Same(last(want), last(got))
}

// Any wants the same records of each key, in any order: none lost, none twice. It is right for joins of streams.
func Any[K comparable, V any](want, got []streams.Record[K, V]) error {
	return Same(sorted(want), sorted(got))
}

// sorted is an order by the text of the values.
func sorted[K comparable, V any](records []streams.Record[K, V]) []streams.Record[K, V] {
	out := slices.Clone(records)
	slices.SortStableFunc(out, func(a, b streams.Record[K, V]) int {
		return cmp.Compare(fmt.Sprint(a.NullValue, a.Value), fmt.Sprint(b.NullValue, b.Value))
	})
	return out
}

// Repeated wants the same records of each key, in the same order, where some of them, and what comes behind, may come
// again. It is right at least once, where each result follows from one record.
func Repeated[K comparable, V any](want, got []streams.Record[K, V]) error {
	wanted, have := perKey(want), perKey(got)
	for key, values := range have {
		next := 0 // of those wanted, the first that has not come
		var last int
		for i, r := range values {
			at := place(wanted[key], r, last)
			if at < 0 || at > next {
				return fmt.Errorf("key %v: record %d is %v: it should not be, or not yet", key, i, r.Value)
			}
			last = at + 1
			next = max(next, last)
		}
		if next < len(wanted[key]) {
			return fmt.Errorf("key %v: record %d of %d is missing: %v", key, next, len(wanted[key]), wanted[key][next].Value)
		}
	}
	for key := range wanted {
		if len(have[key]) == 0 {
			return fmt.Errorf("key %v: all records are missing", key)
		}
	}
	return nil
}

// AnyRepeated wants the same records of each key, in any order, each once or more often. It is right for joins of
// streams at least once.
func AnyRepeated[K comparable, V any](want, got []streams.Record[K, V]) error {
	return Same(distinct(want), distinct(got))
}

// distinct has each record of a key once, in an order by the text of the values.
func distinct[K comparable, V any](records []streams.Record[K, V]) (out []streams.Record[K, V]) {
	for _, values := range perKey(sorted(records)) {
		out = append(out, slices.CompactFunc(values, func(a, b streams.Record[K, V]) bool {
			return a.NullValue == b.NullValue && reflect.DeepEqual(a.Value, b.Value)
		})...)
	}
	return out
}

// place is where a record is, from a place on if it is there, else anywhere; -1: nowhere.
func place[K comparable, V any](in []streams.Record[K, V], r streams.Record[K, V], from int) int {
	for _, from := range []int{from, 0} {
		for i := from; i < len(in); i++ {
			if in[i].NullValue == r.NullValue && reflect.DeepEqual(in[i].Value, r.Value) {
				return i
			}
		}
	}
	return -1
}

func last[K comparable, V any](records []streams.Record[K, V]) (out []streams.Record[K, V]) {
	for _, values := range perKey(records) {
		out = append(out, values[len(values)-1])
	}
	return out
}

func perKey[K comparable, V any](records []streams.Record[K, V]) map[K][]streams.Record[K, V] {
	out := map[K][]streams.Record[K, V]{}
	for _, r := range records {
		out[r.Key] = append(out[r.Key], r)
	}
	return out
}

// readAll reads the committed records of topics to their ends.
func readAll(
	ctx context.Context, client *kgo.Client, ends map[string]map[int32]int64,
) (map[string][]*kgo.Record, error) {
	out := map[string][]*kgo.Record{}
	at := map[string]map[int32]int64{}
	for topic := range ends {
		at[topic] = map[int32]int64{}
	}
	for !reached(at, ends) {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("reading results: %w at %v of %v", err, at, ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			at[r.Topic][r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				out[r.Topic] = append(out[r.Topic], r)
			}
		})
	}
	return out, nil
}

func reached(at, ends map[string]map[int32]int64) bool {
	for topic, partitions := range ends {
		for p, end := range partitions {
			if at[topic][p] < end {
				return false
			}
		}
	}
	return true
}

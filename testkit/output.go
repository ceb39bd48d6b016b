package testkit

import (
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/streams"
)

// OutputTopic reads a topic.
type OutputTopic[K, V any] struct {
	d       *Driver
	topic   streams.Topic[K, V]
	refused bool // a mistake, which was told
}

// Output reads a topic that the topology writes, as that declares it and as a consumer that reads committed records
// does: another topic is a mistake, and so are other serdes or types, but for serde.Bytes. The topic is read from its
// start, and once: another Output of the same topic goes on where this one has come to. FromStart begins anew.
func Output[K, V any](d *Driver, topic streams.Topic[K, V]) *OutputTopic[K, V] {
	d.helper()
	o := &OutputTopic[K, V]{d: d, topic: topic}
	if d.readable() {
		err := errors.Join(d.checkOutput(topic.Name()), checkDeclared(d, topic))
		o.refused = err != nil
		d.fail(err)
	}
	return o
}

// FromStart is the same topic, which is read from its start again, by whichever Output comes next.
func (o *OutputTopic[K, V]) FromStart() *OutputTopic[K, V] {
	o.d.helper()
	o.d.readable()
	delete(o.d.next, o.topic.Name())
	return o
}

// Read is every record of the topic since the last Read, in the order in which they were sent.
func (o *OutputTopic[K, V]) Read() []streams.Record[K, V] {
	o.d.helper()
	var out []streams.Record[K, V]
	if !o.d.readable() || o.refused {
		return nil
	}
	next := o.d.next[o.topic.Name()]
	if next == nil {
		next = map[*log]int{}
		o.d.next[o.topic.Name()] = next
	}
	for _, a := range o.d.arrivals[o.topic.Name()] {
		if a.offset < next[a.log] || a.offset >= a.log.committed {
			continue
		}
		next[a.log] = a.offset + 1
		r, err := o.decode(&a.log.records[a.offset])
		if err != nil {
			o.d.fail(fmt.Errorf("topic %s/%d offset %d: %w", a.log.topic, a.log.partition, a.offset, err))
			return out
		}
		out = append(out, r)
	}
	return out
}

// Latest reads on, and is the newest value of each key among all read now; keys whose newest value is null are missing.
func Latest[K comparable, V any](o *OutputTopic[K, V]) map[K]V {
	o.d.helper()
	latest := map[K]V{}
	for _, r := range o.Read() {
		if r.NullValue {
			delete(latest, r.Key)
		} else {
			latest[r.Key] = r.Value
		}
	}
	return latest
}

func (o *OutputTopic[K, V]) decode(raw *graph.Raw) (r streams.Record[K, V], err error) {
	r.NullKey, r.NullValue, r.Timestamp, r.Headers = raw.Key == nil, raw.Value == nil, raw.Timestamp, copied(raw.Headers)
	if !r.NullKey {
		if r.Key, err = o.topic.Key().Decode(raw.Key); err != nil {
			return r, err
		}
	}
	if !r.NullValue {
		r.Value, err = o.topic.Value().Decode(graph.JoinFrame(o.topic.Value(), &r.Headers, raw.Value))
	}
	return r, err
}

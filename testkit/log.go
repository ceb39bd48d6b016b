package testkit

import "github.com/millstream-go/millstream/internal/graph"

// log is a partition of a topic.
type log struct {
	topic     string
	partition int32
	records   []graph.Raw
	committed int // records that a read-committed consumer sees
	delivered int // records that the task reading the partition has been given
}

type partition struct {
	topic string
	index int32
}

// log is the partition's log, made when it is first used.
func (d *Driver) log(topic string, index int32) *log {
	l := d.logs[partition{topic, index}]
	if l == nil {
		l = &log{topic: topic, partition: index}
		d.logs[partition{topic, index}] = l
		d.byTopic[topic] = append(d.byTopic[topic], l)
	}
	return l
}

// append adds an uncommitted record and returns its offset.
func (l *log) append(r graph.Raw) int64 {
	r.Offset = int64(len(l.records))
	l.records = append(l.records, r)
	return r.Offset
}

// send is where the tasks' outputs go.
func (d *Driver) send(o graph.Output) {
	l := d.log(o.Topic, d.partitionOf(&o))
	offset := l.append(graph.Raw{Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: o.Timestamp})
	if o.Ack != nil {
		o.Ack(offset)
	}
	if d.options.atLeastOnce {
		l.committed = len(l.records)
	}
	d.touched = append(d.touched, l)
	d.arrivals[o.Topic] = append(d.arrivals[o.Topic], arrival{l, int(offset)})
}

// arrival is a record in the order in which a topic got its records.
type arrival struct {
	log    *log
	offset int
}

// endTransaction makes what was sent visible, or takes it back.
func (d *Driver) endTransaction(commit bool) {
	for _, l := range d.touched {
		if commit {
			l.committed = len(l.records)
		} else if !d.options.atLeastOnce {
			l.records = l.records[:l.committed]
			d.forget(l)
		}
	}
	d.touched = d.touched[:0]
}

// forget takes the arrivals of records that are gone out of their topic.
func (d *Driver) forget(l *log) {
	kept := d.arrivals[l.topic][:0]
	for _, a := range d.arrivals[l.topic] {
		if a.log != l || a.offset < len(l.records) {
			kept = append(kept, a)
		}
	}
	d.arrivals[l.topic] = kept
}

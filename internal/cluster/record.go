package cluster

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
)

func Raw(r *kgo.Record) graph.Raw { return raw(r, make([]graph.Header, 0, len(r.Headers))) }

// Raws are the records of a fetch, which share the memory of their headers.
func Raws(records []*kgo.Record) []graph.Raw {
	n := 0
	for _, r := range records {
		n += len(r.Headers)
	}
	out, room := make([]graph.Raw, 0, len(records)), make([]graph.Header, 0, n)
	for _, r := range records {
		out = append(out, raw(r, room))
		room = room[len(r.Headers):len(r.Headers):cap(room)]
	}
	return out
}

// raw is a record whose headers lie in the room given.
func raw(r *kgo.Record, room []graph.Header) graph.Raw {
	out := graph.Raw{
		Key: r.Key, Value: r.Value, Timestamp: timestamp(r), Offset: r.Offset, Control: r.Attrs.IsControl(),
		Epoch: r.LeaderEpoch,
	}
	if n := len(r.Headers); n > 0 {
		out.Headers = room[:n:n]
		for i, h := range r.Headers {
			out.Headers[i] = graph.Header(h)
		}
	}
	return out
}

// timestamp is that of a record in milliseconds, as it is in the log. The client counts nanoseconds, modulo 2^64: times
// after the year 2262 wrap around, and UnixMilli would give others. A million is 2^6 times an odd number, which has an
// inverse: what is lost are the six highest bits, so times up to 2^57, four million years from now, are right.
func timestamp(r *kgo.Record) int64 {
	const lost, inverse = 6, 76480200929599801 // of 1e6>>lost, modulo 2^58
	return (r.Timestamp.UnixNano() >> lost) * inverse << lost >> lost
}

// NewRecord fills a record with an output. Until it is partitioned its Partition holds what Partitioner needs: the
// partition, or the length of the key's hash suffix as -1 - suffix.
func NewRecord(r *kgo.Record, o *graph.Output) {
	fill(r, o)
	r.Headers = headers(o.Headers)
}

// Headers makes records whose outputs share headers share them, too.
type Headers struct {
	from *graph.Header // the first of the last ones
	n    int
	last []kgo.RecordHeader
}

// NewRecord is NewRecord.
func (h *Headers) NewRecord(r *kgo.Record, o *graph.Output) {
	if !o.HeadersShared || len(o.Headers) == 0 {
		NewRecord(r, o)
		return
	}
	if h.from != &o.Headers[0] || h.n != len(o.Headers) {
		h.from, h.n, h.last = &o.Headers[0], len(o.Headers), headers(o.Headers)
	}
	fill(r, o)
	r.Headers = h.last
}

func fill(r *kgo.Record, o *graph.Output) {
	r.Topic, r.Key, r.Value = o.Topic, o.Key, o.Value
	r.Timestamp = time.UnixMilli(min(o.Timestamp, eventtime.Longest)) // the client writes later ones as negative
	if r.Partition = o.Partition; o.Partition == graph.ByKey {
		r.Partition = int32(-1 - o.HashSuffix)
	}
}

func headers(in []graph.Header) []kgo.RecordHeader {
	if len(in) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, len(in))
	for i, h := range in {
		out[i] = kgo.RecordHeader(h)
	}
	return out
}

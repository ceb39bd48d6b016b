package cluster

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/topology"
)

func Raw(r *kgo.Record) topology.Raw {
	out := topology.Raw{
		Key: r.Key, Value: r.Value, Timestamp: timestamp(r), Offset: r.Offset, Control: r.Attrs.IsControl(),
		Epoch: r.LeaderEpoch,
	}
	if len(r.Headers) > 0 {
		out.Headers = make([]topology.Header, len(r.Headers))
		for i, h := range r.Headers {
			out.Headers[i] = topology.Header(h)
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
func NewRecord(r *kgo.Record, o *topology.Output) {
	r.Topic, r.Key, r.Value = o.Topic, o.Key, o.Value
	r.Timestamp = time.UnixMilli(min(o.Timestamp, eventtime.Longest)) // the client writes later ones as negative
	r.Headers = headers(o.Headers)
	if r.Partition = o.Partition; o.Partition == topology.ByKey {
		r.Partition = int32(-1 - o.HashSuffix)
	}
}

func headers(in []topology.Header) []kgo.RecordHeader {
	if len(in) == 0 {
		return nil
	}
	out := make([]kgo.RecordHeader, len(in))
	for i, h := range in {
		out[i] = kgo.RecordHeader(h)
	}
	return out
}

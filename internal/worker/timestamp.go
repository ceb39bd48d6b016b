package worker

import "github.com/twmb/franz-go/pkg/kgo"

// timestamp is that of a record in milliseconds, as it is in the log. The client counts nanoseconds, modulo 2^64: times
// behind the year 2262 wrap around, and UnixMilli would give others. A million is 2^6 times an odd number, which has an
// inverse: what is lost are the six highest bits, so times up to 2^57, four million years from now, are right.
func timestamp(r *kgo.Record) int64 {
	const lost, inverse = 6, 76480200929599801 // of 1e6>>lost, modulo 2^58
	return (r.Timestamp.UnixNano() >> lost) * inverse << lost >> lost
}

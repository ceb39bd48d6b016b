package streams

import (
	"cmp"
	"context"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/operator"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/state"
)

// ErrCallTimeout says that an attempt of a slow call has not answered in its time, Calls.Timeout.
var ErrCallTimeout = graph.ErrCallTimeout

// ErrCallsStuck says that as many functions as may be called at once have not returned although their contexts have
// ended. It ends the application, whatever the error policy: have the function return when its context ends.
var ErrCallsStuck = graph.ErrCallsStuck

// Permanent marks an error of a slow call as one that no further attempt would mend: the record meets the error policy
// at once. A nil error stays nil.
func Permanent(err error) error { return graph.Permanent(err) }

// Calls says how the function of a MapAsync is called. The zero value has a default for each field.
type Calls struct {
	// Concurrency is how many calls are made at once, of all tasks of the process. The default is 100.
	Concurrency int
	// Timeout is the time for one attempt: its context ends then. The default is 10 s.
	Timeout time.Duration
	// Attempts is how often a call that fails is made in all. The default is 5; 1: it is not repeated.
	Attempts int
	// Backoff is the time before the second attempt, of which half is random. It doubles with each further one, up to
	// MaxBackoff. The defaults are 100 ms and 10 s.
	Backoff, MaxBackoff time.Duration
	// PerSecond limits the attempts that the process makes in a second. The default, 0, is no limit.
	PerSecond float64
	// InFlight is how many records of one task may wait in the step; the task takes no more until there are fewer. The
	// default is 1,000, or four times Concurrency if that is more.
	InFlight int
	// InFlightBytes is the same in bytes of their keys, values and headers as encoded. The default is 16 MB.
	InFlightBytes int64
}

// MapAsync gives each record the value that a slow function, such as a call of a service, has for its value. The key
// stays; a null value stays null, without a call.
//
// Many calls are made at once, on goroutines of their own, and no commit waits for one. Records leave in the order in
// which they came, and calls of one key are made one after the other, so that results do not depend on which call is
// quick. A record whose call fails, after Calls.Attempts, or whose result fails a step downstream, meets the error
// policy.
//
// What waits is in the store: after a crash, a stop or a rebalance it is asked for again, and its result is applied
// once, exactly once if that is the application's guarantee. So a call may be made more than once for a record, which
// the service has to allow. fn must return when ctx ends, and must not change the value.
//
// Steps downstream see a record later than the rest of the task does: docs/slowcalls.md tells what that means for joins
// with tables and for times to live.
func MapAsync[VR, K, V any](
	s *Stream[K, V], fn func(ctx context.Context, v V) (VR, error), calls Calls, flights state.InFlight[K, V],
) *Stream[K, VR] {
	s.of().given(fn != nil, "MapAsync: fn")
	some := func(r Record[K, V]) bool { return !r.NullValue }
	return mapAsync(s, some, func(ctx context.Context, r Record[K, V]) (Optional[VR], error) {
		v, err := fn(ctx, r.Value)
		return Some(v), err
	}, calls, flights)
}

// MapAsyncRecord is MapAsync with the whole record, those with a null value, too, and a null value where fn returns
// none.
func MapAsyncRecord[VR, K, V any](
	s *Stream[K, V], fn func(ctx context.Context, r Record[K, V]) (Optional[VR], error), calls Calls,
	flights state.InFlight[K, V],
) *Stream[K, VR] {
	s.of().given(fn != nil, "MapAsyncRecord: fn")
	return mapAsync(s, func(Record[K, V]) bool { return true }, fn, calls, flights)
}

func mapAsync[VR, K, V any](
	s *Stream[K, V], needed func(Record[K, V]) bool,
	fn func(ctx context.Context, r Record[K, V]) (Optional[VR], error), calls Calls, flights state.InFlight[K, V],
) *Stream[K, VR] {
	site := graph.Site()
	waiting := operator.InFlight(flights.Flights(), calls.limits(s.b, site))
	keys, values := serdesOf[K, V](flights.Flights())
	s.b.own(waiting.Store(), site)
	return process(s, "mapasync", site, []storage.Spec{waiting.Store()}, func() graph.Processor[K, V, K, VR] {
		return operator.MapAsync(waiting, keys, values, needed, fn)
	})
}

// limits are the settings with their defaults. It reports those that make no sense.
func (c Calls) limits(b *Builder, site string) operator.FlightLimits {
	if c.Concurrency < 0 || c.Timeout < 0 || c.Attempts < 0 || c.Backoff < 0 || c.MaxBackoff < 0 || !(c.PerSecond >= 0) ||
		c.InFlight < 0 || c.InFlightBytes < 0 {
		b.graph.Fail(site, "Calls: no field may be below 0, or no number: %+v", c)
	}
	l := operator.FlightLimits{Calls: graph.CallLimits{
		Concurrency: cmp.Or(c.Concurrency, 100), Timeout: cmp.Or(c.Timeout, 10*time.Second), Attempts: cmp.Or(c.Attempts, 5),
		Backoff: cmp.Or(c.Backoff, 100*time.Millisecond), MaxBackoff: cmp.Or(c.MaxBackoff, 10*time.Second),
		PerSecond: c.PerSecond,
	}, Bytes: cmp.Or(c.InFlightBytes, 16<<20)}
	l.Records = cmp.Or(c.InFlight, max(1000, 4*l.Calls.Concurrency))
	return l
}

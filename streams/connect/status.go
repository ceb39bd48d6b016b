package connect

import (
	"maps"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// Status is what a Runner or SourceRunner has done so far, and what it is at.
type Status struct {
	Written     int64               // records, since the start
	Refused     int64               // records that were left out or sent to the dead-letter topic
	Retries     int64               // calls of the other system that failed and were repeated
	Fenced      int64               // times that another instance had taken its place
	Next        map[Partition]int64 // of a sink: offsets behind what is written, of the partitions that it has
	Ends        map[Partition]int64 // of a sink: offsets of the ends of these partitions, as last heard
	Waiting     error               // for which a call has been repeated for longest, or that ended Run; nil: none
	WaitingFrom time.Time           // since when
	Running     bool                // Run was called and has not returned
}

// Lag is how many offsets are left to write, as far as is known: of each partition, an offset or two may be markers of
// transactions.
func (s Status) Lag() (lag int64) {
	for p, end := range s.Ends {
		lag += max(0, end-s.Next[p])
	}
	return lag
}

// board keeps the status, for any goroutine.
type board struct {
	mu     sync.Mutex
	status Status
	waits  map[string]wait // calls that are repeated, by what they are for
}

type wait struct {
	err   error
	since time.Time
}

func (b *board) change(fn func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.status)
}

// read is the status, with the longest of the waits.
func (b *board) read() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.Next, s.Ends = maps.Clone(s.Next), maps.Clone(s.Ends)
	for _, w := range b.waits {
		if s.Waiting == nil || w.since.Before(s.WaitingFrom) {
			s.Waiting, s.WaitingFrom = w.err, w.since
		}
	}
	return s
}

// failed notes a call that is repeated.
func (b *board) failed(what string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Retries++
	b.wait(what, err)
}

func (b *board) wait(what string, err error) {
	if b.waits == nil {
		b.waits = map[string]wait{}
	}
	w, known := b.waits[what]
	if w.err = err; !known {
		w.since = time.Now()
	}
	b.waits[what] = w
}

// works notes that nothing of a kind has to be repeated any more.
func (b *board) works(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waits, what)
}

func (s *Status) forget(p Partition) {
	delete(s.Next, p)
	delete(s.Ends, p)
}

// began and ended are the start and the end of Run.
func (b *board) began() { b.change(func(s *Status) { s.Running = true }) }

func (b *board) ended(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Running = false
	if clear(b.waits); err != nil {
		b.wait("", err)
	}
}

// connector is the status as an application shows it.
func (b *board) connector(name, kind, topic string) streams.ConnectorStatus {
	s := b.read()
	out := streams.ConnectorStatus{
		Name: name, Kind: kind, Topic: topic, Running: s.Running, Records: s.Written, Refused: s.Refused,
		Retries: s.Retries, Lag: -1,
	}
	if len(s.Ends) > 0 {
		out.Lag = s.Lag()
	}
	if s.Waiting != nil {
		out.Waiting, out.WaitingSince = s.Waiting.Error(), s.WaitingFrom
	}
	return out
}

package inspect

import (
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// rates works out how fast things move from two snapshots, of which one is a second old or more.
type rates struct {
	mu       sync.Mutex
	old, new sample
}

// sample is how far all inputs of a process were. Partitions that came or went are left out of what is compared.
type sample struct {
	at     time.Time
	inputs map[partition]streams.InputStatus
}

type partition struct {
	topic string
	n     int32
}

// rate is what comes and goes in the partitions of a topic that this process has, in records a second, about: offsets
// count, also those of markers.
type rate struct {
	read, written float64
	known         bool
}

// oldest is how old the older sample may get: rates are those of the last few seconds.
const oldest = 5 * time.Second

// look takes a snapshot, and gives the rates by topic.
func (r *rates) look(s streams.Snapshot) map[string]rate {
	now := sample{at: s.At, inputs: map[partition]streams.InputStatus{}}
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			now.inputs[partition{in.Topic, in.Partition}] = in
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if age := now.at.Sub(r.new.at); age >= time.Second {
		if now.at.Sub(r.old.at) > oldest || r.old.inputs == nil {
			r.old = r.new
		}
		r.new = now
	}
	return now.since(r.old)
}

func (s sample) since(old sample) map[string]rate {
	out := map[string]rate{}
	seconds := s.at.Sub(old.at).Seconds()
	if seconds <= 0 {
		return out
	}
	for p, in := range s.inputs {
		was, ok := old.inputs[p]
		if !ok || was.Position < 0 || in.Position < was.Position {
			continue
		}
		sum := out[p.topic]
		sum.known = true
		sum.read += float64(in.Position-was.Position) / seconds
		if in.End >= was.End && was.End >= 0 {
			sum.written += float64(in.End-was.End) / seconds
		}
		out[p.topic] = sum
	}
	return out
}

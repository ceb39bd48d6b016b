package metamorphic

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// Case is a topology with its input, and a way of running it that must not show.
type Case struct {
	Seed      uint64                `json:"seed"`
	Scenario  *conformance.Scenario `json:"scenario"` // its topology and steps, without answers
	Plain     Variation             `json:"plain"`
	Variation Variation             `json:"variation"`
}

// Variation is a way of running a case.
type Variation struct {
	Partitions  int32    `json:"partitions"`
	CommitEvery int      `json:"commitEvery"` // records; 0: only at events and at the end
	CacheBytes  int64    `json:"cacheBytes"`
	Pebble      bool     `json:"pebble,omitempty"`
	AtLeastOnce bool     `json:"atLeastOnce,omitempty"`
	InMemory    []string `json:"inMemory,omitempty"` // stores that live in memory only
	Events      []Event  `json:"events,omitempty"`   // in the order of Before
}

// Event happens between two steps.
type Event struct {
	Before int    `json:"before"` // index of a step
	Do     Action `json:"do"`
}

// Action is what happens at an event.
type Action string

// The actions. A pause lasts until the next event, or until the wall clock moves.
const (
	Commit      Action = "commit"
	Pause       Action = "pause"
	Restart     Action = "restart"
	LoseState   Action = "lose state"
	CrashBefore Action = "crash before the commit"
	CrashDuring Action = "crash during the commit"
	CrashAfter  Action = "crash after the commit"
)

func (a Action) crash() bool { return a == CrashBefore || a == CrashDuring || a == CrashAfter }

// restart is true if tasks begin anew.
func (a Action) restart() bool { return a.crash() || a == Restart || a == LoseState }

const plenty = 64 << 20 // bytes of cache

// plain is the simplest way to run anything.
func plain(partitions int32) Variation {
	return Variation{Partitions: partitions, CommitEvery: 1, CacheBytes: plenty}
}

// crashes is true if the variation holds a crash.
func (v *Variation) crashes() bool {
	return slices.ContainsFunc(v.Events, func(e Event) bool { return e.Do.crash() })
}

func (v *Variation) restarts() bool {
	return slices.ContainsFunc(v.Events, func(e Event) bool { return e.Do.restart() })
}

// Load reads a case from a file, as JSON.
func Load(path string) (*Case, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Case{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// JSON is the case as Load reads it, a line for each node and each step.
func (c *Case) JSON() string {
	out := fmt.Appendf(nil, "{\"seed\":%d,\n \"scenario\":{\"name\":%q,\"kind\":%q,\n  \"topology\":[",
		c.Seed, c.Scenario.Name, c.Scenario.Kind)
	out = appendLines(out, c.Scenario.Topology)
	out = append(out, "],\n  \"steps\":["...)
	out = appendLines(out, c.Scenario.Steps)
	return string(fmt.Appendf(out, "]},\n \"plain\":%s,\n \"variation\":%s}", line(c.Plain), line(c.Variation)))
}

func appendLines[T any](out []byte, list []T) []byte {
	for i, item := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, "\n   "...), line(item)...)
	}
	return out
}

func line(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing in a case can fail to encode
	}
	return b
}

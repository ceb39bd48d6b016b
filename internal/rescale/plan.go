package rescale

import (
	"fmt"

	"github.com/millstream-go/millstream/topology"
)

// Phase is how far a change of partitions has come.
type Phase string

// The phases, in their order. Undoing comes in the place of those from Rewritten on.
const (
	Planned   Phase = "planned"   // nothing has been changed
	Marked    Phase = "marked"    // no application starts any more
	Saved     Phase = "saved"     // the internal topics have copies
	Rewritten Phase = "rewritten" // the internal topics are in the new layout
	Grown     Phase = "grown"     // so are the inputs: from here on there is no way back
	Committed Phase = "committed" // applications may start; the copies are still there
	Done      Phase = "done"
	Undoing   Phase = "undoing" // the old layout is being put back
	Undone    Phase = "undone"
)

// Plan is a change of partitions: what it does, and how far it has come. It is kept as JSON.
type Plan struct {
	App     string   `json:"app"`
	Began   int64    `json:"began"` // milliseconds since 1970
	Phase   Phase    `json:"phase"`
	Inputs  []Input  `json:"inputs"`
	Topics  []Topic  `json:"topics"` // internal ones that get another layout
	Offsets []Offset `json:"offsets"`
	Notes   []string `json:"notes,omitempty"`
	// Mappings are the names of those that it was planned with.
	Mappings []string `json:"mappings,omitempty"`
	Back     bool     `json:"back,omitempty"` // while it is undone: the internal topics are as they were
}

// Input is a topic that the application reads.
type Input struct {
	Topic string  `json:"topic"`
	From  int32   `json:"from"` // partitions; of one that has been given more already, those of before
	Has   int32   `json:"has"`
	To    int32   `json:"to"`
	Ends  []int64 `json:"ends"` // of its partitions when the change was planned
}

// Topic is an internal topic that gets another layout.
type Topic struct {
	Name    string             `json:"name"`
	Store   string             `json:"store,omitempty"` // of a changelog
	From    int32              `json:"from"`
	To      int32              `json:"to"`
	Saved   string             `json:"saved"` // the topic that has the copy
	Configs map[string]*string `json:"configs"`
	Copies  int16              `json:"replicationFactor"`
	Rows    Digest             `json:"rows"`
	State   string             `json:"state,omitempty"` // saved, replaced or rewritten
}

// The states of a Topic.
const (
	stateSaved     = "saved"     // the copy has all
	stateReplaced  = "replaced"  // the topic is being made anew: it may be missing, or have a part
	stateRewritten = "rewritten" // it is in the new layout
)

// Offset is what the group had committed for a partition.
type Offset struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	At        int64  `json:"at"`
	Epoch     int32  `json:"epoch"`
	Metadata  string `json:"metadata"`
}

// DeclinedError is why a change of partitions is not begun, or not gone on with. Nothing has been changed since then.
type DeclinedError struct{ Reason string }

func (e *DeclinedError) Error() string { return e.Reason }

func declined(format string, args ...any) error { return &DeclinedError{fmt.Sprintf(format, args...)} }

// input is the plan of an input, nil if the topic is none.
func (p *Plan) input(topic string) *Input {
	for i := range p.Inputs {
		if p.Inputs[i].Topic == topic {
			return &p.Inputs[i]
		}
	}
	return nil
}

// topic is the plan of an internal topic, nil if it keeps its layout.
func (p *Plan) topic(name string) *Topic {
	for i := range p.Topics {
		if p.Topics[i].Name == name {
			return &p.Topics[i]
		}
	}
	return nil
}

// ofStore is the plan of a store's changelog, nil if it keeps its layout.
func (p *Plan) ofStore(store string) *Topic {
	for i := range p.Topics {
		if p.Topics[i].Store == store && store != "" {
			return &p.Topics[i]
		}
	}
	return nil
}

// changes is true if any input gets another number of partitions.
func (p *Plan) changes() bool {
	for _, in := range p.Inputs {
		if in.From != in.To {
			return true
		}
	}
	return false
}

// sources are the partitions of a layout with from partitions whose keys may lie in a partition of one with to. A hash
// that is divided by both numbers leaves the same rest by what divides both; anywhere is true for a layout that a
// function makes.
func sources(partition, from, to int32, anywhere bool) (out []int32) {
	step := gcd(from, to)
	if anywhere {
		step = 1
	}
	for p := partition % step; p < from; p += step {
		out = append(out, p)
	}
	return out
}

func gcd(a, b int32) int32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// storeOf is the lock of the store whose changelog a topic is.
func storeOf(lock topology.Lock, topic string) *topology.StoreLock {
	for i := range lock.Stores {
		if lock.Stores[i].Changelog == topic && topic != "" {
			return &lock.Stores[i]
		}
	}
	return nil
}

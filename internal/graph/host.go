package graph

import (
	"log/slog"

	"github.com/millstream-go/millstream/state"
)

// DropReason says why a record was dropped. Each dropped record is counted under exactly one.
type DropReason string

const (
	DropLate        DropReason = "late"        // for a window, a join or a table: what it would change is closed, or newer
	DropNullKey     DropReason = "null_key"    // where records need a key
	DropNullValue   DropReason = "null_value"  // where records need a value
	DropDeserialize DropReason = "deserialize" // does not decode; policy skip or dead letter
	DropProcess     DropReason = "process"     // a function failed; policy skip or dead letter
	DropTimestamp   DropReason = "timestamp"   // the extractor gave a negative timestamp
	DropTimeJump    DropReason = "time_jump"   // the time is too far ahead; policy skip or dead letter
)

// Host is what a task offers its nodes. It is implemented once, by the task.
type Host interface {
	Store(name string) state.Store
	StreamTime() int64
	WallClock() int64
	Source() (topic string, partition int32, offset int64, ok bool)
	// Partitions is the number of partitions of a topic, for a sink that chooses among topics or partitions. An error
	// other than UnavailableError is a fault of the record that goes there: the topic does not exist.
	Partitions(topic string) (int32, error)
	RequestCommit()
	// Watches is true where values are watched, at a cost: see Checked.
	Watches() bool
	Drop(n *Node, reason DropReason)
	Schedule(p *Punctuation) (cancel func())
	// Call has a call made outside of the task.
	Call(c *Call)
	Logger() *slog.Logger
}

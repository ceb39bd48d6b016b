package task

import (
	"log/slog"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// Config is what all tasks of a process share.
type Config struct {
	// Partitions is the number of partitions of each input topic.
	Partitions map[string]int32
	// PartitionsOf is the number of partitions of any other topic; see graph.Host.
	PartitionsOf func(topic string) (int32, error)
	OnError      Policy // nil: Fail
	// Refused are records of which Kafka has refused what was made of them. Only the worker's goroutine changes it.
	Refused map[RecordID]Refusal
	// RowsRefused is what it has refused in a changelog; nil: nothing.
	RowsRefused     func(changelog string) storage.Refuses
	DeadLetterTopic string
	// Buffer is the number of records that one input partition may have waiting before it is paused.
	Buffer int
	// BufferBytes is the same in bytes; 0: any amount.
	BufferBytes int64
	// MaxIdle is how long, in milliseconds, a task waits for an input partition that is caught up but empty. Below 0 a
	// task never waits, not even for a partition that is known to have more.
	MaxIdle int64
	// MaxJump is how far ahead of its task's stream time and of the wall clock a record may be, in milliseconds; 0:
	// as far as it likes.
	MaxJump int64
	// TimeBack is the time to which stream time is set back where it is later, once for each task, in milliseconds;
	// 0: it is not.
	TimeBack int64
	// Epochs has tasks write in epochs, see BeginEpochs: at least once.
	Epochs bool
	// CommitInterval is the time between commits, in milliseconds.
	CommitInterval int64
	Budget         *rows.Budget
	// Pace says when steps end early. nil: never.
	Pace *Pace
	// WatchValues has stores find values that are changed in place; see storage.Env.
	WatchValues bool
	// EncodeOnPut has stores find values that cannot be encoded, or are refused, as they are put; see storage.Env.
	EncodeOnPut bool
	// Caller makes the calls that steps want made. nil: they are made at once, on the task's goroutine.
	Caller Caller
	// Wake is called, from any goroutine, when an answer has come for Set.Answer. It must not block.
	Wake     func()
	Drops    *Drops
	Failures *Failures // that get the calls that fail; nil: nobody asks
	Readers  *Readers  // that get the running tasks; nil: nobody reads beside them
	Logger   *slog.Logger
}

// env is what a store with a prefix of an engine's rows is opened with.
func (c *Config) env(engine store.Engine, prefix []byte) storage.Env {
	return storage.Env{
		Engine: engine, Prefix: prefix, Budget: c.Budget, Watch: c.WatchValues, EncodeOnPut: c.EncodeOnPut,
	}
}

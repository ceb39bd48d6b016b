package task

import (
	"log/slog"

	"github.com/millstream-go/millstream/internal/graph"
)

// tellEvery is the time between two lines about records that a step left out for one reason, in milliseconds.
const tellEvery = 10_000

// leftOut tells of the records that are left out: of the first one of a step and reason, and then of how many more
// there were, now and then. A line for each would fill a disk when all records are bad.
type leftOut struct {
	causes map[cause]*told
	more   bool // some cause has more than it told
}

type cause struct {
	node   string
	reason graph.DropReason
}

// told is what has been said of a cause.
type told struct {
	until int64 // nothing more is said before
	more  int64 // records since the last line
	last  func(message string, more int64)
}

// add tells of a record, or counts it.
func (l *leftOut) add(now int64, c cause, log *slog.Logger, failed *ProcessError) {
	t := l.causes[c]
	if t == nil {
		t = &told{}
		if l.causes == nil {
			l.causes = map[cause]*told{}
		}
		l.causes[c] = t
	}
	t.last = func(message string, more int64) {
		log.Warn(message, withStack(failed.Err, "records", more, "reason", string(c.reason), "node", c.node,
			"site", failed.Site, "topic", failed.Topic, "partition", failed.Partition, "offset", failed.Offset,
			"error", failed.Err)...)
	}
	if t.more++; now < t.until {
		l.more = true
		return
	}
	t.tell("records left out, the last of them here", now)
}

func (t *told) tell(message string, now int64) {
	t.last(message, t.more)
	t.more, t.until = 0, now+tellEvery
}

// tell says what has been counted and not told: what is due, or all.
func (l *leftOut) tell(now int64, all bool) {
	if !l.more {
		return
	}
	l.more = false
	for _, t := range l.causes {
		switch {
		case t.more == 0:
		case all || now >= t.until:
			t.tell("records left out since the last line, the last of them here", now)
		default:
			l.more = true
		}
	}
}

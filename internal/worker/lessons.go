package worker

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
)

// lessons are what sessions that failed have to tell those that follow.
type lessons struct {
	// owed is the error for which something was dropped that had been done, until it is done again.
	owed error
	// former is the member that an earlier session had and that the group still counts.
	former string
	// encodeOnPut is true once a commit met a value that cannot be encoded. So the record that put it is found.
	encodeOnPut  bool
	slowAt       time.Time // when a step last took long beside the transaction timeout
	othersSince  time.Time // since when the group has members of another kind; zero: it has none
	globalChecks int       // at the topics of global tables that have found a loss

	refused    map[task.RecordID]task.Refusal // records to leave out, as Kafka refused what was made of them
	rows       map[string]*refusedRows        // by changelog topic
	aloneSince time.Time                      // since when records are sent one by one; zero: they are not
	batches    map[string]smallBatch          // by topics of which Kafka refused larger ones
}

func newLessons() lessons {
	return lessons{
		refused: map[task.RecordID]task.Refusal{}, rows: map[string]*refusedRows{}, batches: map[string]smallBatch{},
	}
}

// learn takes from a session that failed what the next one has to mind.
func (s *session) learn(err error) {
	others := cluster.IsAny(err, kerr.UnknownMemberID, kerr.IllegalGeneration) // do it again, and have the tasks
	if s.set.Pending() && !others {
		s.worker.lessons.owed = err
	}
	if s.out.open && (classify(err) == fenced || time.Since(s.out.openedAt) > s.config.TransactionTimeout/2) {
		s.worker.lessons.slowAt = time.Now()
	}
	s.worker.allowance.failed()
}

// changedSince is true for a value that could be encoded when it was put.
func (l *lessons) changedSince(err error) bool {
	return errors.Is(err, state.ErrEncode) && l.encodeOnPut
}

// othersFor is how long a group may have members of another kind before that is an error. An application of Kafka
// Streams that was stopped is counted until its session.timeout.ms is over, 45 s by default, as it does not leave.
const othersFor = 90 * time.Second

// awaitsOthers is true while members of another kind may be ones that have stopped.
func (l *lessons) awaitsOthers(err error) bool {
	if !errors.Is(err, kerr.InconsistentGroupProtocol) {
		l.othersSince = time.Time{}
		return false
	}
	if l.othersSince.IsZero() {
		l.othersSince = time.Now()
	}
	return time.Since(l.othersSince) < othersFor
}

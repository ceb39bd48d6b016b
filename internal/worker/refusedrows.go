package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
)

// refusedRows are the rows that Kafka has refused in one changelog, under the topic's settings at that time. Once those
// are others, as somebody may have raised a limit, nothing of it is known any more.
type refusedRows struct {
	settings string
	bytes    int               // of key and value: rows of this size, and larger ones, are refused; 0: none
	times    map[int64]bool    // rows of these timestamps are
	values   map[rowValue]bool // and these
}

// rowValue is a value at a time.
type rowValue struct {
	hash      uint64
	timestamp int64
}

var rowSeed = maphash.MakeSeed()

const (
	// rowFrame is by how much a row in a store may seem smaller than its record in the changelog, in bytes.
	rowFrame = 64
	// mostRefused is how many timestamps, and values, are remembered of a changelog. Others are searched again.
	mostRefused = 10_000
)

// askTime is how long a broker has to tell the settings of a topic.
const askTime = 5 * time.Second

// beginRows prepares for a row that may be refused in a topic, if that is a changelog. The settings are asked for
// before the refusal that counts: ones that are changed meanwhile are others.
func (s *session) beginRows(ctx context.Context, topic string) {
	changelog := slices.ContainsFunc(s.set.Tasks(), func(t *task.Task) bool {
		return slices.ContainsFunc(t.Changelogs(), func(c *task.Changelog) bool { return c.Topic == topic })
	})
	if !changelog {
		return
	}
	now, err := s.limitsOf(ctx, topic)
	if rows := s.worker.lessons.rows[topic]; rows == nil || err == nil && rows.settings != now {
		s.worker.lessons.rows[topic] = &refusedRows{settings: now}
	}
}

// limitsOf are the settings of a topic by which records may be refused.
func (s *session) limitsOf(ctx context.Context, topic string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return s.config.Cluster.Limits(ctx, topic)
}

// rowsRefused gives for a changelog what it is known to refuse, nil if that is nothing. Settings are asked for under
// work.
func (s *session) rowsRefused(work context.Context) func(changelog string) storage.Refuses {
	return func(changelog string) storage.Refuses {
		rows := s.worker.lessons.rows[changelog]
		if rows == nil {
			return nil
		}
		return func(value []byte, bytes int, timestamp int64) error {
			why := rows.why(value, bytes, timestamp)
			if why == nil {
				return nil
			}
			switch now, err := s.limitsOf(work, changelog); {
			case err != nil:
				return &graph.UnavailableError{Topic: changelog, Err: err}
			case now != rows.settings:
				*rows = refusedRows{settings: now}
				return nil
			}
			return why
		}
	}
}

// why a row would be refused, nil if nothing is known to be wrong with it.
func (r *refusedRows) why(value []byte, bytes int, timestamp int64) error {
	switch {
	case r.bytes > 0 && bytes >= r.bytes:
		return fmt.Errorf("%d bytes: %w", bytes, state.ErrTooLarge)
	case r.times[sentTime(timestamp)]:
		return fmt.Errorf("timestamp %d is refused in the changelog: raise message.timestamp.after.max.ms and "+
			"message.timestamp.before.max.ms of that topic: %w", timestamp, kerr.InvalidTimestamp)
	case value != nil && len(r.values) > 0 && r.values[valueOf(value, timestamp)]:
		return fmt.Errorf("the changelog refuses this row: %w", kerr.InvalidRecord)
	}
	return nil
}

func valueOf(value []byte, timestamp int64) rowValue {
	return rowValue{maphash.Bytes(rowSeed, value), sentTime(timestamp)}
}

// sentTime is the timestamp with which a row is sent: the client knows no later ones.
func sentTime(timestamp int64) int64 { return min(timestamp, eventtime.Longest) }

// learn enters a row that was refused. It is false if it was known: then no record puts it.
func (r *refusedRows) learn(produced *ProduceError) bool {
	if r.why(produced.value, produced.Bytes, produced.timestamp) != nil {
		return false
	}
	switch {
	case refusesSize(produced.Err):
		r.bytes = max(1, produced.Bytes-rowFrame)
	case errors.Is(produced.Err, kerr.InvalidTimestamp):
		r.times = entered(r.times, produced.timestamp) // as sent
	case errors.Is(produced.Err, kerr.InvalidRecord) && produced.value != nil:
		r.values = entered(r.values, valueOf(produced.value, produced.timestamp))
	default:
		return false
	}
	return true
}

// entered is a bounded set with one more.
func entered[K comparable](set map[K]bool, k K) map[K]bool {
	if set == nil || len(set) >= mostRefused {
		set = map[K]bool{}
	}
	set[k] = true
	return set
}

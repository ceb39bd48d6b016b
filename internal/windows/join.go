package windows

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
)

// Join describes which records of two streams meet: a right record joins a left one if it is at most before earlier and
// at most after later, both included (Kafka's JoinWindows).
type Join struct {
	before, after, grace time.Duration
}

// Within is the same difference on both sides.
func Within(difference time.Duration) Join { return Join{before: difference, after: difference} }

// Between is a difference for right records that are earlier than the left one, and another for those that are later.
// One of them may be negative, as long as some record can meet: Between(-time.Second, time.Minute) joins right records
// that come a second to a minute after the left one.
func Between(before, after time.Duration) Join { return Join{before: before, after: after} }

// Grace is the same windows, accepting late records until stream time has passed their window by more than d. Default
// 0.
func (w Join) Grace(d time.Duration) Join {
	w.grace = d
	return w
}

// Err is what is wrong with the description, nil if nothing.
func (w Join) Err() error {
	switch {
	case max(w.before, w.after, -w.before, -w.after) > math.MaxInt64/8: // first, so that no sum is beyond int64
		return errors.New("join window: must be below 36 years")
	case w.before+w.after < 0:
		return fmt.Errorf("join window from %v before to %v after: holds nothing", w.before, w.after)
	case w.grace < 0:
		return fmt.Errorf("window grace %v: must not be negative", w.grace)
	case w.before%time.Millisecond != 0 || w.after%time.Millisecond != 0 || w.grace%time.Millisecond != 0:
		return errors.New("join window and grace must be whole milliseconds")
	}
	return nil
}

// Right are the first and last time of the right records that meet a left record.
func (w Join) Right(left int64) (from, to int64) {
	return around(left, w.before.Milliseconds(), w.after.Milliseconds())
}

// Left are the first and last time of the left records that meet a right record.
func (w Join) Left(right int64) (from, to int64) {
	return around(right, w.after.Milliseconds(), w.before.Milliseconds())
}

// around are the times from back before t to ahead after it, of those that there are.
func around(t, back, ahead int64) (from, to int64) {
	return max(0, eventtime.Add(t, -back)), eventtime.Add(t, ahead)
}

// Closed is the lowest time of a record that may still meet one that is not late, at a stream time: earlier records are
// late, and those without a partner come out alone. Left records wait for right ones until after has passed, right
// records for left ones until before has.
func (w Join) Closed(streamTime int64, left bool) int64 {
	wait := w.before
	if left {
		wait = w.after
	}
	return max(0, streamTime-max(0, wait.Milliseconds())-w.grace.Milliseconds())
}

// Retention is how long a record must be kept, in milliseconds: until none that is not late can meet it.
func (w Join) Retention() int64 {
	return max(0, w.before.Milliseconds()) + max(0, w.after.Milliseconds()) + w.grace.Milliseconds()
}

// String tells the settings.
func (w Join) String() string {
	return fmt.Sprintf("join(before %v, after %v, grace %v)", w.before, w.after, w.grace)
}

package window

import (
	"time"

	"github.com/millstream-go/millstream/internal/windows"
)

// Join tells which records of two streams meet: a right record joins a left one if it is at most before earlier and at
// most after later, both included (Kafka's JoinWindows). Make one with [Within] or [Between].
type Join windows.Join

// Within is the same difference on both sides.
func Within(difference time.Duration) Join { return Join(windows.Within(difference)) }

// Between is a difference for right records that are earlier than the left one, and another for those that are later.
// One of them may be negative, as long as some record can meet: Between(-time.Second, time.Minute) joins right records
// that come a second to a minute after the left one.
func Between(before, after time.Duration) Join { return Join(windows.Between(before, after)) }

// Grace is the same windows, accepting late records until stream time has passed their window by more than d. Default
// 0.
func (w Join) Grace(d time.Duration) Join { return Join(windows.Join(w).Grace(d)) }

// String tells the settings.
func (w Join) String() string { return windows.Join(w).String() }

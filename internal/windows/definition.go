package windows

import (
	"fmt"
	"time"
)

// Defined are windows that tell what their rows depend on: a row that is stored under a start is that of another
// window, or of none, when the definition is another one. Lock files record it.
type Defined interface {
	// Definition is the kind with its settings, but for the grace period, which comes apart.
	Definition() (text string, grace time.Duration)
}

// Definition tells kind, size and advance.
func (w Time) Definition() (text string, grace time.Duration) {
	if w.size == w.advance {
		return fmt.Sprintf("tumbling(%v)", w.size), w.grace
	}
	return fmt.Sprintf("hopping(%v, advance %v)", w.size, w.advance), w.grace
}

// Definition tells kind and difference.
func (w SlidingTime) Definition() (text string, grace time.Duration) {
	return fmt.Sprintf("sliding(%v)", w.difference), w.grace
}

// Definition tells kind and gap.
func (w Session) Definition() (text string, grace time.Duration) {
	return fmt.Sprintf("session(gap %v)", w.gap), w.grace
}

// Definition tells how far apart records may be.
func (w Join) Definition() (text string, grace time.Duration) {
	return fmt.Sprintf("join(before %v, after %v)", w.before, w.after), w.grace
}

// Definition tells kind and start, in UTC.
func (w Endless) Definition() (text string, grace time.Duration) { return w.String(), 0 }

// Definition tells kind, location and first weekday. Clocks that never change are told, too, as a fixed zone may have
// any name.
func (c Calendar) Definition() (text string, grace time.Duration) {
	place := "nowhere"
	if c.zone != nil {
		place = c.zone.loc.String()
		if len(c.zone.table) == 1 && c.zone.table[0].offset != 0 {
			place += fmt.Sprintf(" at %v", time.Duration(c.zone.table[0].offset)*time.Millisecond)
		}
	}
	if c.unit == weeks {
		place += ", from " + c.first.String()
	}
	return fmt.Sprintf("%s(%s)", c.unit, place), c.grace
}

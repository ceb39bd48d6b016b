package windows

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/millstream-go/millstream/internal/eventtime"
)

const (
	hourMillis = int64(time.Hour / time.Millisecond)
	dayMillis  = 24 * hourMillis

	// spread bounds how far two clocks are apart, in milliseconds: none is more than 12 hours behind UTC or 14 ahead.
	spread = 26 * hourMillis

	// cycle is 400 years. Calendars repeat after it, the days of the week included, and so do the rules of clocks.
	cycle = 146_097 * dayMillis

	// far is from where on windows are those of earlier cycles: sums stay clear of an overflow.
	far = math.MaxInt64 - 2*cycle
)

// Calendar describes windows that are the days, weeks or months of a place: each record is in one. Make one with Days,
// Weeks or Months; it may be used by any number of goroutines.
//
// A window begins at the first instant at which the local date is in the day, week or month, or past it, and lasts
// until the next one begins. So each instant is in one window, whatever the clocks do:
//   - Days have 23 or 25 hours when the clocks change, and begin at one o'clock if that is what follows 23:59.
//   - Where the clocks go back over midnight, the new day has begun: it holds the rest of the old one, lived again.
//   - A date that a place left out has no window.
//
// The first window begins at time 0, though its day, week or month began earlier.
type Calendar struct {
	zone  *zone
	unit  unit
	first time.Weekday // of a week
	grace time.Duration
}

type unit string

const (
	days   unit = "days"
	weeks  unit = "weeks"
	months unit = "months"
)

// Days are windows from midnight to midnight.
func Days(loc *time.Location) Calendar { return Calendar{zone: newZone(loc), unit: days} }

// Weeks are windows of seven days that begin with a weekday: time.Monday for weeks as ISO 8601 has them.
func Weeks(loc *time.Location, first time.Weekday) Calendar {
	return Calendar{zone: newZone(loc), unit: weeks, first: first}
}

// Months are windows from the first of a month to that of the next.
func Months(loc *time.Location) Calendar { return Calendar{zone: newZone(loc), unit: months} }

// Grace is the same windows, closing only when stream time has passed their end by d. Default 0: a window closes when
// stream time reaches its end.
func (c Calendar) Grace(d time.Duration) Calendar {
	c.grace = d
	return c
}

// WithGrace is Grace, for windows of any kind.
func (c Calendar) WithGrace(d time.Duration) Windows { return c.Grace(d) }

// Err is what is wrong with the description, nil if nothing.
func (c Calendar) Err() error {
	switch {
	case c.zone == nil:
		return errors.New("window location: must not be nil")
	case !c.zone.plausible():
		return fmt.Errorf("window location %v: must not be over %d hours from UTC", c.zone.loc, spread/hourMillis)
	case c.first < time.Sunday || c.first > time.Saturday:
		return fmt.Errorf("window weekday %d: must be from Sunday, 0, to Saturday, 6", c.first)
	case c.grace < 0:
		return fmt.Errorf("window grace %v: must not be negative", c.grace)
	case c.grace%time.Millisecond != 0:
		return fmt.Errorf("window grace %v: must be whole milliseconds", c.grace)
	}
	return nil
}

// Starts are both the start of the window that holds a time. No window holds a time below 0: then first is above last.
func (c Calendar) Starts(ts int64) (first, last int64) {
	if ts < 0 {
		return 0, -1
	}
	start, _ := c.span(ts)
	return start, start
}

// Advance is a millisecond. It means nothing: no time is in two windows.
func (c Calendar) Advance() int64 { return 1 }

// Window is the window that begins at start.
func (c Calendar) Window(start int64) Window {
	_, end := c.span(start)
	return Window{Start: start, End: end}
}

// CloseTime is the stream time at which the window that begins at start is closed: from then on its records are late.
func (c Calendar) CloseTime(start int64) int64 {
	_, end := c.span(start)
	return eventtime.Add(end, c.grace.Milliseconds())
}

// Closed is the lowest start of a window that is still open at a stream time: those below are closed.
func (c Calendar) Closed(streamTime int64) int64 {
	start, _ := c.span(max(0, streamTime-c.grace.Milliseconds()))
	return start
}

// StartsBetween is true if a window starts at or after from and before to.
func (c Calendar) StartsBetween(from, to int64) bool {
	if to <= max(0, from) {
		return false
	}
	start, _ := c.span(to - 1)
	return start >= from
}

// Retention is how long a store must keep a window, from its start, in milliseconds. It is a bound on the length of the
// longest one, and the grace period: clocks are put back by an hour as a rule, but by nearly a day where a place moves
// to the other side of the date line, and never by more than two clocks can be apart.
func (c Calendar) Retention() int64 {
	length := map[unit]int64{days: dayMillis, weeks: 7 * dayMillis, months: 31 * dayMillis}[c.unit]
	return min(length+spread+c.grace.Milliseconds(), eventtime.Longest)
}

// String tells kind, location, first weekday and grace.
func (c Calendar) String() string {
	place := "nowhere"
	if c.zone != nil {
		place = c.zone.loc.String()
	}
	if c.unit == weeks {
		place += ", from " + c.first.String()
	}
	return fmt.Sprintf("%s(%s, grace %v)", c.unit, place, c.grace)
}

// span is the window that holds a time of 0 or more. The last one has its end where time has.
func (c Calendar) span(ts int64) (start, end int64) {
	if ts > far {
		start, end = c.span(ts - 2*cycle)
		return start + 2*cycle, eventtime.Add(end, 2*cycle)
	}
	from, to := c.dates(ts + c.zone.at(ts).offset)
	end = c.zone.first(to)
	for end <= ts { // the clocks went back over the end
		from, to = c.dates(to)
		end = c.zone.first(to)
	}
	return max(0, c.zone.first(from)), end
}

// dates are the readings of the local clock at which the day, week or month of a reading begins and ends. A reading is
// the milliseconds since the epoch at which a clock in UTC shows the same.
func (c Calendar) dates(reading int64) (from, to int64) {
	switch c.unit {
	case months:
		year, month, _ := time.UnixMilli(reading).UTC().Date()
		return firstOf(year, month), firstOf(year, month+1)
	case weeks:
		from = floor(reading, 7*dayMillis, int64(c.first-time.Thursday)*dayMillis) // the epoch was a Thursday
		return from, from + 7*dayMillis
	default:
		from = floor(reading, dayMillis, 0)
		return from, from + dayMillis
	}
}

func firstOf(year int, month time.Month) int64 {
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// floor is the highest of the multiples of step, shifted by offset, that is not above n.
func floor(n, step, offset int64) int64 {
	over := (n - offset) % step
	if over < 0 {
		over += step
	}
	return n - over
}

// zone answers what the clocks of a location show. A time.Location parses the rule for the years to come at each
// lookup; zone does so once for those up to tableEnd. It never changes.
type zone struct {
	loc   *time.Location
	table []period // adjacent, ascending; the first holds all times before it
}

// period is a span of time in which clocks are ahead of UTC by offset milliseconds. It begins where the one before
// ends, and until is its end, excluded.
type period struct {
	until, offset int64
}

// tableEnd is the time from which the location is asked each time: Starts is twenty times slower there.
var tableEnd = firstOf(2100, time.January)

func newZone(loc *time.Location) *zone {
	if loc == nil {
		return nil
	}
	z := &zone{loc: loc}
	for t := -spread; t < tableEnd; {
		p := periodAt(loc, t)
		if n := len(z.table); n > 0 && z.table[n-1].offset == p.offset { // only another year of the same rule
			z.table[n-1].until = p.until
		} else {
			z.table = append(z.table, p)
		}
		t = p.until
	}
	return z
}

// periodAt asks the location itself.
func periodAt(loc *time.Location, t int64) period {
	at := time.UnixMilli(t).In(loc)
	_, seconds := at.Zone()
	p := period{until: math.MaxInt64, offset: int64(seconds) * 1000}
	if _, until := at.ZoneBounds(); !until.IsZero() {
		p.until = until.UnixMilli()
	}
	if p.until <= t { // https://go.dev/issue/81583: on December 31 of a leap year, the year has ended
		p.until = floor(t, dayMillis, 0) + dayMillis
	}
	return p
}

// at is the period that holds a time.
func (z *zone) at(t int64) period {
	n := len(z.table)
	if t >= z.table[n-1].until {
		return periodAt(z.loc, t)
	}
	return z.table[sort.Search(n, func(i int) bool { return t < z.table[i].until })]
}

// first is the first time at which the clocks show a reading or a later one.
func (z *zone) first(reading int64) int64 {
	t := reading - spread // no clock shows it yet
	p := z.at(t)
	for reading-p.offset >= p.until {
		t = p.until
		p = z.at(t)
	}
	return max(t, reading-p.offset)
}

// plausible is false if clocks are further from UTC than any place has them, as in a fixed zone given in milliseconds.
func (z *zone) plausible() bool {
	return !slices.ContainsFunc(z.table, func(p period) bool { return max(p.offset, -p.offset) > spread })
}

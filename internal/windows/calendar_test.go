package windows_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/windows"
)

// alignedCalendar is what an aggregation asks of its windows.
type alignedCalendar interface {
	Starts(ts int64) (first, last int64)
	Advance() int64
	Window(start int64) windows.Window
	CloseTime(start int64) int64
	Closed(streamTime int64) int64
	StartsBetween(from, to int64) bool
	Retention() int64
	Err() error
	String() string
}

var (
	_ alignedCalendar = windows.Calendar{}
	_ alignedCalendar = windows.Endless{}
	_ alignedCalendar = windows.Time{}
)

// oddities are places whose clocks did something odd, and when.
var oddities = map[string][]string{
	"UTC":                  {"1970-01-01", "2000-02-29"},
	"Europe/Berlin":        {"2024-03-31", "2024-10-27", "2150-03-29"},
	"America/New_York":     {"1974-01-06", "2024-03-10", "2024-11-03", "2100-11-07", "2104-12-31"},
	"America/Sao_Paulo":    {"2018-02-18", "2018-11-04"}, // no midnight in November, 23:00 twice in February
	"Asia/Beirut":          {"2024-03-31", "2024-10-27"}, // no midnight in March, 23:00 twice in October
	"America/Havana":       {"2024-11-03"},               // midnight twice
	"America/St_Johns":     {"1988-10-30", "2010-11-07"}, // a minute after midnight, back to 23:01
	"Antarctica/Casey":     {"2010-03-05", "2020-10-04"}, // back by three hours, over midnight
	"Australia/Lord_Howe":  {"2024-04-07", "2024-10-06"}, // half an hour
	"Pacific/Apia":         {"2011-12-30"},               // left out
	"Pacific/Kwajalein":    {"1993-08-21"},               // left out
	"Pacific/Kiritimati":   {"1994-12-31"},               // left out
	"Africa/Monrovia":      {"1972-01-07"},               // 44 minutes and 30 seconds
	"Pacific/Auckland":     {"2040-12-31", "2104-12-31"}, // leap years, of which ZoneBounds forgets the last day
	"Africa/Casablanca":    {"2024-03-10", "2024-04-14"},
	"Europe/Dublin":        {"1970-01-01", "1971-10-31"},
	"Asia/Kathmandu":       {"1986-01-01"},
	"Pacific/Honolulu":     {"1970-01-01"},
	"Antarctica/Troll":     {"2024-03-31", "2024-10-27"}, // two hours
	"America/Scoresbysund": {"2024-03-31"},               // a summer without a change of clocks
}

func load(t require.TestingT, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// twin is a calendar and its slow twin: a number that grows from one local day, week or month to the next.
type twin struct {
	windows.Calendar
	loc    *time.Location
	number func(local time.Time) int
	reach  int64 // ms, more than any two windows last
}

const day = 24 * 60 * 60 * 1000

func dayNumber(local time.Time) int {
	y, m, d := local.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

var twins = rapid.Custom(func(t *rapid.T) twin {
	place := rapid.SampledFrom(slices.Sorted(maps.Keys(oddities))).Draw(t, "place")
	loc := load(t, place)
	first := time.Weekday(rapid.IntRange(0, 6).Draw(t, "first"))
	grace := ms(rapid.SampledFrom([]int64{0, 1, 3600_000, 5 * day}).Draw(t, "grace"))
	w := rapid.SampledFrom([]twin{
		{windows.Days(loc).Grace(grace), loc, dayNumber, 5 * day},
		{windows.Weeks(loc, first).Grace(grace), loc, func(local time.Time) int {
			return (dayNumber(local) + 7000 + int(time.Thursday-first)) / 7 // day 0 is a Thursday
		}, 17 * day},
		{windows.Months(loc).Grace(grace), loc, func(local time.Time) int {
			return local.Year()*12 + int(local.Month())
		}, 66 * day},
	}).Draw(t, "windows")
	return w
})

// starts walks from one time to another and notes where the number grows: hour by hour, and where something happened
// within the hour, by half minutes.
func (w twin) starts(from, to int64) (out []int64) {
	const hour, step = 3600_000, 30_000
	from -= from % hour
	look := func(ts int64) (number, offset int) {
		local := time.UnixMilli(ts).In(w.loc)
		_, offset = local.Zone()
		return w.number(local), offset
	}
	highest, offset := look(from)
	for t := from; t < to; t += hour {
		number, now := look(t + hour)
		if number == highest && now == offset {
			continue
		}
		for s := t + step; s <= t+hour; s += step {
			if number, _ := look(s); number > highest {
				highest = number
				out = append(out, max(0, s))
			}
		}
		offset = now
	}
	return out
}

// around draws a time: any until 2300, or near an oddity.
func (w twin) around(t *rapid.T) int64 {
	dates := oddities[w.loc.String()]
	if rapid.Bool().Draw(t, "anywhen") {
		return rapid.Int64Range(0, 330*365*day).Draw(t, "ts")
	}
	at, err := time.Parse(time.DateOnly, rapid.SampledFrom(dates).Draw(t, "date"))
	require.NoError(t, err)
	return max(0, at.UnixMilli()+rapid.Int64Range(-2*day, 2*day).Draw(t, "after"))
}

func TestCalendarStarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := twins.Draw(t, "w")
		ts := w.around(t)
		var want windows.Window
		for _, start := range w.starts(ts-w.reach, ts+w.reach) {
			if start > ts {
				want.End = start
				break
			}
			want.Start = start
		}
		first, last := w.Starts(ts)
		require.Equal(t, first, last, "a record is in one window")
		require.Positive(t, w.Advance())
		require.Equal(t, want, w.Window(first))
		require.LessOrEqual(t, w.CloseTime(first)-first, w.Retention())
	})
}

// TestCalendarClosed: Closed, CloseTime and StartsBetween agree with the windows of the slow twin.
func TestCalendarClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := twins.Draw(t, "w")
		now := w.around(t)
		later := now + rapid.Int64Range(0, 2*w.reach).Draw(t, "later")
		newly := false
		for _, start := range w.starts(now-3*w.reach, later+w.reach) {
			require.Equal(t, w.CloseTime(start) <= now, start < w.Closed(now))
			newly = newly || start >= w.Closed(now) && start < w.Closed(later)
		}
		require.Equal(t, newly, w.StartsBetween(w.Closed(now), w.Closed(later)))
	})
}

func TestStartsBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := twins.Draw(t, "w")
		from := w.around(t)
		to := from + rapid.Int64Range(-10, w.reach).Draw(t, "length")
		want := false
		for _, start := range w.starts(from-w.reach, to) {
			want = want || from <= start && start < to
		}
		require.Equal(t, want, w.StartsBetween(from, to))
	})
}

// TestDays tells where days begin, in UTC, and how long they are.
func TestDays(t *testing.T) {
	for _, c := range []struct {
		place, in, start, length string
	}{
		{"Europe/Berlin", "2024-03-30T22:59:59Z", "2024-03-29T23:00:00Z", "24h0m0s"},
		{"Europe/Berlin", "2024-03-30T23:00:00Z", "2024-03-30T23:00:00Z", "23h0m0s"},
		{"Europe/Berlin", "2024-10-27T22:59:59Z", "2024-10-26T22:00:00Z", "25h0m0s"},
		{"Europe/Berlin", "2150-10-25T12:00:00Z", "2150-10-24T22:00:00Z", "25h0m0s"},
		{"Australia/Lord_Howe", "2024-10-06T00:00:00Z", "2024-10-05T13:30:00Z", "23h30m0s"},
		{"America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "23h0m0s"}, // begins at 01:00
		{"America/Sao_Paulo", "2018-02-18T02:59:59Z", "2018-02-17T02:00:00Z", "25h0m0s"}, // the second 23:59
		{"Asia/Beirut", "2024-03-31T12:00:00Z", "2024-03-30T22:00:00Z", "23h0m0s"},       // begins at 01:00
		{"America/Havana", "2024-11-03T05:30:00Z", "2024-11-03T04:00:00Z", "25h0m0s"},    // the second 00:30
		{"America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z", "25h0m0s"},
		{"America/St_Johns", "2010-11-07T03:00:00Z", "2010-11-07T02:30:00Z", "25h0m0s"}, // 23:30 of the day before, again
		{"Antarctica/Casey", "2010-03-04T15:30:00Z", "2010-03-04T13:00:00Z", "27h0m0s"}, // 23:30 of the day before, again
		{"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "24h0m0s"},     // the 29th
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "24h0m0s"},     // the 31st
		{"America/New_York", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "5h0m0s"},  // its day began before the epoch
	} {
		w := windows.Days(load(t, c.place))
		first, _ := w.Starts(millis(t, c.in))
		require.Equal(t, c.start, utc(first), c)
		require.Equal(t, c.length, ms(w.Window(first).End-first).String(), c)
	}
}

func TestWeeksAndMonths(t *testing.T) {
	berlin, apia := load(t, "Europe/Berlin"), load(t, "Pacific/Apia")
	for _, c := range []struct {
		windows        windows.Calendar
		in, start, end string
	}{
		{windows.Weeks(berlin, time.Monday), "2024-03-31T12:00:00Z", "2024-03-24T23:00:00Z", "2024-03-31T22:00:00Z"},
		{windows.Weeks(berlin, time.Sunday), "2024-03-31T12:00:00Z", "2024-03-30T23:00:00Z", "2024-04-06T22:00:00Z"},
		{windows.Weeks(time.UTC, time.Monday), "1970-01-04T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-05T00:00:00Z"},
		{windows.Weeks(time.UTC, time.Thursday), "1970-01-07T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-08T00:00:00Z"},
		{windows.Weeks(apia, time.Friday), "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", "2012-01-05T10:00:00Z"},
		{windows.Months(berlin), "2024-02-29T23:00:00Z", "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z"},
		{windows.Months(berlin), "2024-02-29T22:59:59Z", "2024-01-31T23:00:00Z", "2024-02-29T23:00:00Z"},
		{windows.Months(berlin), "2024-12-31T12:00:00Z", "2024-11-30T23:00:00Z", "2024-12-31T23:00:00Z"},
		{windows.Months(berlin), "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-31T23:00:00Z"},
		{windows.Months(apia), "2011-12-30T12:00:00Z", "2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		first, _ := c.windows.Starts(millis(t, c.in))
		got := c.windows.Window(first)
		require.Equal(t, []string{c.start, c.end}, []string{utc(got.Start), utc(got.End)}, "%v of %s", c.windows, c.in)
	}
}

func TestCalendarEdges(t *testing.T) {
	w := windows.Days(time.UTC).Grace(time.Hour)
	require.Equal(t, int64(25*3600_000), w.CloseTime(0))
	require.Equal(t, int64(0), w.Closed(-1))
	require.Equal(t, int64(0), w.Closed(25*3600_000-1))
	require.Equal(t, int64(day), w.Closed(25*3600_000))
	require.True(t, w.StartsBetween(-5, 1), "the first window starts at 0")
	require.False(t, w.StartsBetween(-5, 0))
	require.False(t, w.StartsBetween(1, day))
	require.True(t, w.StartsBetween(1, day+1))
	first, last := w.Starts(-1)
	require.Greater(t, first, last, "no window before the epoch")
}

// TestCalendarEndOfTime: the last window holds all the time that is left, and nothing wraps around.
func TestCalendarEndOfTime(t *testing.T) {
	for _, place := range []string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Kiritimati"} {
		loc := load(t, place)
		for _, w := range []windows.Calendar{windows.Days(loc), windows.Weeks(loc, time.Sunday), windows.Months(loc)} {
			w = w.Grace(time.Hour)
			first, last := w.Starts(math.MaxInt64)
			require.Equal(t, first, last)
			require.Equal(t, int64(math.MaxInt64), w.Window(first).End)
			require.Equal(t, int64(math.MaxInt64), w.CloseTime(first))
			require.Equal(t, first, w.Closed(math.MaxInt64))
			before, _ := w.Starts(first - 1)
			require.Equal(t, first, w.Window(before).End)
			require.Less(t, before, first)
			require.False(t, w.StartsBetween(first+1, math.MaxInt64))
			require.True(t, w.StartsBetween(0, math.MaxInt64))
		}
		w := windows.Days(loc).Grace(ms(math.MaxInt64 / 1_000_000))
		require.NoError(t, w.Err())
		require.Positive(t, time.Duration(w.Retention())*time.Millisecond, "fits a Duration")
		first, _ := w.Starts(math.MaxInt64 - 200*day)
		require.Equal(t, int64(math.MaxInt64), w.CloseTime(first))
	}
}

func TestCalendarMistakes(t *testing.T) {
	for want, w := range map[string]windows.Calendar{
		"window location":                  windows.Days(nil),
		"window location: must not be nil": {},
		"window location sec: must":        windows.Days(time.FixedZone("sec", 3600_000)),
		"window weekday 7":                 windows.Weeks(time.UTC, 7),
		"window weekday -1":                windows.Weeks(time.UTC, -1),
		"window grace -1s":                 windows.Months(time.UTC).Grace(-time.Second),
		"window grace 1µs":                 windows.Months(time.UTC).Grace(time.Microsecond),
	} {
		require.ErrorContains(t, w.Err(), want)
		require.NotEmpty(t, w.String())
	}
	require.NoError(t, windows.Weeks(time.UTC, time.Saturday).Grace(time.Hour).Err())
}

func TestCalendarString(t *testing.T) {
	berlin := load(t, "Europe/Berlin")
	require.Equal(t, "days(Europe/Berlin, grace 1h0m0s)", windows.Days(berlin).Grace(time.Hour).String())
	require.Equal(t, "weeks(Europe/Berlin, from Monday, grace 0s)", windows.Weeks(berlin, time.Monday).String())
	require.Equal(t, "months(UTC, grace 0s)", windows.Months(time.UTC).String())
}

func millis(t *testing.T, s string) int64 {
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at.UnixMilli()
}

func utc(ts int64) string { return time.UnixMilli(ts).UTC().Format(time.RFC3339) }

func BenchmarkCalendarStarts(b *testing.B) {
	berlin := load(b, "Europe/Berlin")
	for _, w := range []windows.Calendar{windows.Days(berlin), windows.Weeks(berlin, time.Monday), windows.Months(berlin)} {
		for _, year := range []int{2026, 2150} {
			b.Run(fmt.Sprintf("%v/%d", w, year), func(b *testing.B) {
				ts := time.Date(year, 1, 1, 0, 0, 0, 0, berlin).UnixMilli()
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					w.Starts(ts + int64(i%365)*day)
				}
			})
		}
	}
}

func BenchmarkDays(b *testing.B) {
	berlin := load(b, "Europe/Berlin")
	for b.Loop() {
		windows.Days(berlin)
	}
}

package window_test

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/millstream-go/millstream/window"
)

func ExampleHopping() {
	w := window.Hopping(10*time.Minute, 4*time.Minute).Grace(time.Hour)
	fmt.Println(w)
	fmt.Println(w.Window(0).EndTime().UTC())
	// Output:
	// hopping(10m0s, 4m0s, grace 1h0m0s)
	// 1970-01-01 00:10:00 +0000 UTC
}

// A day of 23 hours: the clocks of Berlin are put forward on the last Sunday of March.
func ExampleDays() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	days := window.Days(berlin).Grace(time.Hour)
	day := days.Window(time.Date(2026, time.March, 29, 0, 0, 0, 0, berlin).UnixMilli())
	fmt.Println(day.EndTime().In(berlin), day.EndTime().Sub(day.StartTime()))
	// Output:
	// 2026-03-30 00:00:00 +0200 CEST 23h0m0s
}

func ExampleWeeks() {
	weeks := window.Weeks(time.UTC, time.Monday)
	week := weeks.Window(time.Date(2025, time.December, 29, 0, 0, 0, 0, time.UTC).UnixMilli())
	fmt.Println(week.EndTime().UTC())
	// Output:
	// 2026-01-05 00:00:00 +0000 UTC
}

func ExampleMonths() {
	months := window.Months(time.UTC)
	month := months.Window(time.Date(2024, time.February, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	fmt.Println(month.EndTime().UTC())
	// Output:
	// 2024-03-01 00:00:00 +0000 UTC
}

func ExampleUnlimited() {
	fmt.Println(window.Unlimited(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)))
	// Output:
	// unlimited(from 2026-01-01T00:00:00Z)
}

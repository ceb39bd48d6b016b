// Package eventtime calculates with event times and spans of it, in milliseconds, up to the ends of int64: a sum that
// would lie beyond is the last time there is, or the first. A record may have any time from 0 on.
package eventtime

import (
	"math"
	"time"
)

// Add is the time a span after t, before it if the span is negative.
func Add(t, span int64) int64 {
	sum := t + span
	switch {
	case t > 0 && span > 0 && sum < 0:
		return math.MaxInt64
	case t < 0 && span < 0 && sum >= 0:
		return math.MinInt64
	}
	return sum
}

// Longest is the longest span that a time.Duration can tell, some 292 years. Who keeps something for so long keeps it
// for ever.
const Longest = math.MaxInt64 / int64(time.Millisecond)

// Duration is a span as a time.Duration, the longest one if it is longer.
func Duration(span int64) time.Duration {
	return time.Duration(min(span, Longest)) * time.Millisecond
}

// Keep is the span for which something is kept: math.MaxInt64, which no two times are apart, if that is for ever.
func Keep(d time.Duration) int64 {
	if span := d.Milliseconds(); span < Longest {
		return span
	}
	return math.MaxInt64
}

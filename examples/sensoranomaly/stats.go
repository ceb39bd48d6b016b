package main

import "math"

// Stats are count, mean and deviation of readings, and the last of them by time (Welford's method: no sums of squares,
// which lose precision).
type Stats struct {
	Count int64
	Mean  float64
	Sum2  float64 // of the squares of the distances from the mean
	Last  float64
	At    int64 // time of the last, milliseconds
}

// with is s and one more reading.
func (s Stats) with(value float64, at int64) Stats {
	s.Count++
	before := value - s.Mean
	s.Mean += before / float64(s.Count)
	s.Sum2 += before * (value - s.Mean)
	if at >= s.At {
		s.Last, s.At = value, at
	}
	return s
}

// withoutLast is s without its last reading.
func (s Stats) withoutLast() Stats {
	if s.Count <= 1 {
		return Stats{}
	}
	after := s.Last - s.Mean
	s.Mean -= after / float64(s.Count-1)
	s.Sum2 -= after * (s.Last - s.Mean)
	s.Count--
	return s
}

func (s Stats) deviation() float64 {
	if s.Count == 0 {
		return 0
	}
	return math.Sqrt(max(0, s.Sum2) / float64(s.Count))
}

// cents rounds to two decimals.
func cents(x float64) float64 { return math.Round(x*100) / 100 }

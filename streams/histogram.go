package streams

import (
	"slices"
	"time"
)

// Histogram is how often something took how long.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // seconds, rising; the same for all
	Counts []uint64  `json:"counts"` // that took at most a bound, each with those of the bounds below it
	Count  uint64    `json:"count"`  // in all
	Sum    float64   `json:"sum"`    // seconds
}

// commitBounds are those of the phases of commits.
var commitBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// commitPhases are the phases of a commit, in their order.
var commitPhases = []string{"encode", "flush", "offsets", "transaction", "local"}

func (h *Histogram) add(d time.Duration) {
	if h.Counts == nil {
		h.Bounds, h.Counts = commitBounds, make([]uint64, len(commitBounds))
	}
	seconds := d.Seconds()
	h.Count, h.Sum = h.Count+1, h.Sum+seconds
	for i, bound := range h.Bounds {
		if seconds <= bound {
			h.Counts[i]++
		}
	}
}

// commitTimes are the times of the phases of commits, as commitPhases has them.
type commitTimes [5]Histogram

func (t *commitTimes) add(c Commit) {
	for i, d := range []time.Duration{c.Encode, c.Flush, c.Offsets, c.Transaction, c.Local} {
		t[i].add(d)
	}
}

// all is a copy by phase; empty before the first commit.
func (t *commitTimes) all() map[string]Histogram {
	out := map[string]Histogram{}
	for i, phase := range commitPhases {
		if h := t[i]; h.Count > 0 {
			h.Counts = slices.Clone(h.Counts)
			out[phase] = h
		}
	}
	return out
}

// ReadHistograms shows the histograms of a metric of kind MetricHistogram in a snapshot, each with its attributes.
func (m Metric) ReadHistograms(s Snapshot, show func(h Histogram, attributes ...string)) {
	if m.Kind != MetricHistogram {
		return
	}
	for _, phase := range commitPhases {
		if h, ok := s.CommitTimes[phase]; ok {
			show(h, phase)
		}
	}
}

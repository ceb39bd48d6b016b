package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type reading = streams.Record[string, float64]

// sensors are readings of three sensors, in the order in which they come: noise around 20, 30 and 40, which rises
// slowly, and now and then one that is far off. One in ten comes half a minute late. The last minutes are calm, as
// windows stay open there.
func sensors(long, every time.Duration) (records []reading) {
	random := rand.New(rand.NewPCG(1, 2))
	for after := time.Duration(0); after < long; after += every {
		for sensor := range 3 {
			value := float64(20+10*sensor) + after.Minutes()/10 + random.NormFloat64()/2
			at := after
			switch n := random.IntN(100); {
			case long-after < 2*grace:
				value = float64(20+10*sensor) + long.Minutes()/10
			case n == 0:
				value += 10
			case n < 10:
				at = max(0, at-grace/2-time.Millisecond)
			}
			records = append(records, reading{Key: fmt.Sprintf("s-%d", sensor), Value: cents(value), Timestamp: demo.At(at)})
		}
	}
	return records
}

// expected are the anomalies among the readings, found in another way than by the topology: for each reading, by going
// over all those before it.
func expected(readings []reading) map[string][]Anomaly {
	want := map[string][]Anomaly{}
	for _, r := range byTime(readings) {
		var before []float64
		for _, b := range readings {
			if b.Key == r.Key && b.Timestamp < r.Timestamp && b.Timestamp >= r.Timestamp-reach.Milliseconds() {
				before = append(before, b.Value)
			}
		}
		mean, deviation := spread(before)
		if len(before) >= least && math.Abs(r.Value-mean) > farthest*deviation {
			want[r.Key] = append(want[r.Key], Anomaly{
				At: r.Timestamp, Value: r.Value, Mean: cents(mean), Deviation: cents(deviation),
			})
		}
	}
	return want
}

func byTime(readings []reading) []reading {
	return slices.SortedStableFunc(slices.Values(readings), func(a, b reading) int {
		return cmp.Compare(a.Timestamp, b.Timestamp)
	})
}

func spread(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation)
}

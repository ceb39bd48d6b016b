// Command sessions makes visits of page views: session windows, final, with views that come late.
//
//	go run ./examples/sessions
//	go run ./examples/sessions -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type view = streams.Record[string, string]

func viewed(minute time.Duration, user, page string) view {
	return view{Key: user, Value: page, Timestamp: demo.At(minute * time.Minute)}
}

// tonight everyone comes back, which ends the visits of the day; those of the night stay open.
const tonight = 300

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Views,
		viewed(0, "ann", "home"),
		viewed(0, "bob", "home"),
		viewed(20, "ann", "boots"),
		viewed(38, "bob", "hats"),
		viewed(22, "bob", "boots"), // late: makes one visit of those at 0 and at 38
		viewed(50, "ann", paid),    // half an hour after the last: the same visit
		viewed(81, "ann", "home"),  // another visit
		viewed(90, "cid", "home"),
		viewed(20, "cid", "boots"), // too late: its visit would be over
		viewed(tonight, "ann", "home"),
		viewed(tonight, "bob", "home"),
		viewed(tonight, "cid", "home"),
	)},
	Want: []demo.Want{demo.Each(Visits, map[string][]Visit{
		"ann": {
			{Start: demo.At(0), Minutes: 50, Views: 3, Paid: true},
			{Start: demo.At(81 * time.Minute), Minutes: 0, Views: 1},
		},
		"bob": {{Start: demo.At(0), Minutes: 38, Views: 3}},
		"cid": {{Start: demo.At(90 * time.Minute), Minutes: 0, Views: 1}},
	})},
}

func main() { example.Main("sessions") }

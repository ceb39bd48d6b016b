// Command clickprofiles enriches clicks with the profiles of their users: a left join of a stream with a table.
//
//	go run ./examples/clickprofiles
//	go run ./examples/clickprofiles -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type (
	click   = streams.Record[string, Click]
	profile = streams.Record[string, Profile]
)

func clicked(minute time.Duration, user, page string) click {
	return click{Key: user, Value: Click{Page: page}, Timestamp: demo.At(minute * time.Minute)}
}

func profiled(minute time.Duration, user, name, country string) profile {
	p := profile{Key: user, Value: Profile{Name: name, Country: country}, Timestamp: demo.At(minute * time.Minute)}
	p.NullValue = name == ""
	return p
}

// The application takes the records of both topics by their time, as it starts when all are there.
var example = demo.Example{
	Build: Build,
	Input: []demo.Input{
		demo.Feed(Profiles,
			profiled(0, "u-1", "Ann", "Peru"),
			profiled(0, "u-2", "Bob", "Chad"),
			profiled(5, "u-1", "Ann", "Fiji"), // moves
			profiled(6, "u-2", "", ""),        // leaves
		),
		demo.Feed(Clicks,
			clicked(1, "u-1", "home"),
			clicked(2, "u-2", "home"),
			clicked(3, "u-1", "offers"),
			clicked(4, "u-3", "home"), // has no profile
			clicked(7, "u-1", "basket"),
			clicked(8, "u-2", "offers"),
		),
	},
	Want: []demo.Want{demo.Each(Visits, map[string][]Visit{
		"u-1": {{"home", "Ann", "Peru"}, {"offers", "Ann", "Peru"}, {"basket", "Ann", "Fiji"}},
		"u-2": {{"home", "Bob", "Chad"}, {"offers", "someone", "unknown"}},
		"u-3": {{"home", "someone", "unknown"}},
	})},
}

func main() { example.Main("clickprofiles") }

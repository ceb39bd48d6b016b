// Command albums joins albums with their artists: a left join of tables by foreign key.
//
//	go run ./examples/albums
//	go run ./examples/albums -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

func row[V any](minute time.Duration, id string, value V) streams.Record[string, V] {
	return streams.Record[string, V]{Key: id, Value: value, Timestamp: demo.At(minute * time.Minute)}
}

func deleted[V any](minute time.Duration, id string) streams.Record[string, V] {
	return streams.Record[string, V]{Key: id, NullValue: true, Timestamp: demo.At(minute * time.Minute)}
}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{
		demo.Feed(Artists,
			row(0, "a-1", Artist{"The Millers"}),
			row(0, "a-2", Artist{"Ann Weir"}),
			row(0, "a-3", Artist{"Sluice"}),
			row(20, "a-1", Artist{"The Mullers"}), // has a new name
			deleted[Artist](21, "a-3"),
		),
		demo.Feed(Albums,
			row(1, "1", Album{"Grist", "a-1"}),
			row(2, "2", Album{"Upstream", "a-2"}),
			row(3, "3", Album{"Chaff", "a-1"}),
			row(4, "4", Album{"Best of the Valley", ""}),
			row(5, "5", Album{"Ford", "a-3"}), // its artist goes
			row(6, "6", Album{"Eddy", "a-1"}),
			row(7, "7", Album{"Flood", "a-9"}), // its artist never comes
			row(8, "8", Album{"Drought", "a-2"}),
			row(30, "6", Album{"Eddy", "a-2"}), // was by someone else
			deleted[Album](31, "8"),
		),
	},
	Want: []demo.Want{demo.Latest(Catalogue, map[string]Entry{
		"1": {"Grist", "The Mullers"},
		"2": {"Upstream", "Ann Weir"},
		"3": {"Chaff", "The Mullers"},
		"4": {"Best of the Valley", "various artists"},
		"5": {"Ford", "unknown"},
		"6": {"Eddy", "Ann Weir"},
		"7": {"Flood", "unknown"},
	})},
}

func main() { example.Main("albums") }

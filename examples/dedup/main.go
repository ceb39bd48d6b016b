// Command dedup passes each transfer once although senders repeat them: a processor with a window store, which forgets
// by itself.
//
//	go run ./examples/dedup
//	go run ./examples/dedup -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type transfer = streams.Record[string, Transfer]

func sent(minute time.Duration, account, id string, cents int64) transfer {
	return transfer{Key: account, Value: Transfer{ID: id, Cents: cents}, Timestamp: demo.At(minute * time.Minute)}
}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Sent,
		sent(0, "acc-1", "t-1", 500),
		sent(0, "acc-1", "t-1", 500), // at once again
		sent(1, "acc-2", "t-2", 70),
		sent(2, "acc-1", "t-3", 500), // the same sum, another transfer
		sent(1, "acc-2", "t-2", 70),
		sent(59, "acc-1", "t-1", 500), // much later again
		sent(58, "acc-2", "t-4", 15),  // out of order
		sent(57, "acc-2", "t-4", 15),
		sent(90, "acc-1", "t-1", 800), // longer than an hour after the one that passed: an id used again
	)},
	Want: []demo.Want{demo.Each(Once, map[string][]Transfer{
		"acc-1": {{"t-1", 500}, {"t-3", 500}, {"t-1", 800}},
		"acc-2": {{"t-2", 70}, {"t-4", 15}},
	})},
}

func main() { example.Main("dedup") }

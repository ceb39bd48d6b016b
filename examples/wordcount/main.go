// Command wordcount counts words: the smallest job with state.
//
//	go run ./examples/wordcount
//	go run ./examples/wordcount -brokers localhost:9092
package main

import (
	"strings"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

const text = `The stream turns the wheel, the wheel turns the stone,
The stone grinds the grain, and the grain is our own.
The miller may sleep, and the miller may wake:
The stream does not mind which pause he may take.`

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Lines, lines()...)},
	Want: []demo.Want{demo.Latest(Counts, map[string]int64{
		"the": 10, "may": 3, "and": 2, "grain": 2, "miller": 2, "stone": 2, "stream": 2, "turns": 2, "wheel": 2,
		"does": 1, "grinds": 1, "he": 1, "is": 1, "mind": 1, "not": 1, "our": 1, "own": 1, "pause": 1, "sleep": 1,
		"take": 1, "wake": 1, "which": 1,
	})},
}

// lines have no keys: they go to any partition.
func lines() (records []streams.Record[string, string]) {
	for i, line := range strings.Split(text, "\n") {
		records = append(records, streams.Record[string, string]{
			NullKey: true, Value: line, Timestamp: demo.At(time.Duration(i) * time.Second),
		})
	}
	return records
}

func main() { example.Main("wordcount") }

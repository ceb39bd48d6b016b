// Command cardchecks asks a slow service about the card of each payment, many at once: MapAsync. The verdicts leave in
// the order of the payments, and each once, although the service takes from 5 to 100 ms and fails now and then.
//
//	go run ./examples/cardchecks
//	go run ./examples/cardchecks -brokers localhost:9092
package main

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type payment = streams.Record[string, Payment]

// payments are those of 20 accounts, one a second; the card of every seventh is blocked.
func payments() (all []payment) {
	for i := range 400 {
		all = append(all, payment{
			Key: account(i), Value: Payment{ID: i, Card: fmt.Sprint("card-", i%7)},
			Timestamp: demo.At(time.Duration(i) * time.Second),
		})
	}
	return all
}

func account(i int) string { return fmt.Sprint("acc-", i%20) }

// verdicts are what comes out for each account: in the order of its payments.
func verdicts() map[string][]Verdict {
	want := map[string][]Verdict{}
	for i := range 400 {
		want[account(i)] = append(want[account(i)], Verdict{Payment: i, OK: i%7 != 0})
	}
	return want
}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Payments, payments()...)},
	Want:  []demo.Want{demo.Each(Checked, verdicts())},
	Later: true,
}

func main() { example.Main("cardchecks") }

// Command orderpayments finds the payments of orders, and the orders that are not paid in time: a left join of two
// streams.
//
//	go run ./examples/orderpayments
//	go run ./examples/orderpayments -brokers localhost:9092
package main

import (
	"fmt"
	"maps"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type (
	order   = streams.Record[string, Order]
	payment = streams.Record[string, Payment]
)

func ordered(minute time.Duration, id, customer string, cents int64) order {
	return order{Key: id, Value: Order{Customer: customer, Cents: cents}, Timestamp: demo.At(minute * time.Minute)}
}

func paid(minute time.Duration, id, method string, cents int64) payment {
	return payment{Key: id, Value: Payment{Method: method, Cents: cents}, Timestamp: demo.At(minute * time.Minute)}
}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{
		demo.Feed(Orders, append([]order{
			ordered(1, "o-1", "ann", 500),
			ordered(2, "o-2", "bob", 1200),
			ordered(3, "o-3", "cid", 900),
			ordered(4, "o-4", "dan", 70),
			ordered(5, "o-5", "eve", 3000),
		}, eveningOrders()...)...),
		demo.Feed(Payments, append([]payment{
			paid(3, "o-4", "cash", 70),    // by a slow clock
			paid(30, "o-5", "card", 1000), // in two parts
			paid(31, "o-5", "cash", 2000),
			paid(61, "o-1", "card", 500), // just in time
			paid(64, "o-3", "card", 900), // too late
		}, eveningPayments()...)...),
	},
	Want: []demo.Want{demo.Each(Outcomes, outcomes())},
}

func outcomes() map[string][]Outcome {
	want := map[string][]Outcome{
		"o-1": {{"ann", 500, "card", 500}},
		"o-2": {{"bob", 1200, "none", 0}},
		"o-3": {{"cid", 900, "none", 0}},
		"o-4": {{"dan", 70, "cash", 70}},
		"o-5": {{"eve", 3000, "card", 1000}, {"eve", 3000, "cash", 2000}},
	}
	maps.Copy(want, eveningOutcomes())
	return want
}

// The orders of the evening are there to move time on in all partitions: that an order was not paid is certain only
// when later records have come. They are paid at once, as nothing comes after them.
const (
	evening = 180
	busy    = 60
)

func eveningOrders() (records []order) {
	for i := range busy {
		records = append(records, ordered(evening, fmt.Sprintf("p-%d", i), "zoe", 1))
	}
	return records
}

func eveningPayments() (records []payment) {
	for _, o := range eveningOrders() {
		records = append(records, paid(evening, o.Key, "card", 1))
	}
	return records
}

func eveningOutcomes() map[string][]Outcome {
	want := map[string][]Outcome{}
	for _, o := range eveningOrders() {
		want[o.Key] = []Outcome{{"zoe", 1, "card", 1}}
	}
	return want
}

func main() { example.Main("orderpayments") }

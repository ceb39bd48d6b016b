package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// Order is a value of the topic shop-orders; the key is the order's id.
type Order struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
}

// Payment is a value of the topic shop-payments; the key is the id of the order that it is for.
type Payment struct {
	Method string `json:"method"`
	Cents  int64  `json:"cents"`
}

// Outcome is what became of an order, which is the key: one for each payment, or one with the method "none".
type Outcome struct {
	Customer string `json:"customer"`
	Cents    int64  `json:"cents"`
	Method   string `json:"method"`
	Paid     int64  `json:"paid"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Orders   = streams.NewTopic("shop-orders", serde.String, serde.JSON[Order]())
	Payments = streams.NewTopic("shop-payments", serde.String, serde.JSON[Payment]())
	Waiting  = state.NewJoin("waiting", serde.String, serde.JSON[Order](), serde.JSON[Payment]())
	Outcomes = streams.NewTopic("shop-outcomes", serde.String, serde.JSON[Outcome]())
)

// inTime are payments up to an hour after their order. The clocks of those who take payments may be a minute slow.
var inTime = window.Between(time.Minute, time.Hour).Grace(5 * time.Minute)

// Build describes the job: orders with their payments, and those that were not paid in time, once that is certain.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("order-payments")
	orders, payments := streams.From(b, Orders), streams.From(b, Payments)
	streams.LeftJoinStreams(orders, payments, inTime, Waiting, outcome).To(Outcomes)
	return b.Build()
}

func outcome(o Order, p streams.Optional[Payment]) Outcome {
	if !p.OK {
		return Outcome{Customer: o.Customer, Cents: o.Cents, Method: "none"}
	}
	return Outcome{Customer: o.Customer, Cents: o.Cents, Method: p.Value.Method, Paid: p.Value.Cents}
}

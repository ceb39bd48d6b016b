package main

import (
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
)

// Customer is a row of the table customers, whose changes Debezium writes.
type Customer struct {
	ID   int64   `debezium:"id"`
	Name string  `debezium:"name"`
	City *string `debezium:"city"` // may be null
}

// Order is a row of the table orders. The topics have no schemas, so the tag says how many digits amount has behind the
// point.
type Order struct {
	ID       int64            `debezium:"id"`
	Customer int64            `debezium:"customer_id"`
	Amount   debezium.Decimal `debezium:"amount,scale=2"`
}

// Delivery is what is written to the search index: an order with its customer, as both are now.
type Delivery struct {
	Name   string `json:"name"`
	City   string `json:"city"`
	Amount string `json:"amount"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	id = debezium.JSONColumn[int64]("id")

	Customers = streams.NewTopic("shop.public.customers", id, debezium.JSON[Customer]())
	Orders    = streams.NewTopic("shop.public.orders", id, debezium.JSON[Order]())

	CustomerRows = state.NewKeyValue("customers", id, debezium.JSONRow[Customer]())
	OrderRows    = state.NewKeyValue("orders", id, debezium.JSONRow[Order]())
	OrderedBy    = streams.NewForeignKey("ordered-by", id, id, debezium.JSONRow[Order](), debezium.JSONRow[Customer]())
	DeliveryRows = state.NewKeyValue("deliveries", id, serde.JSON[Delivery]())

	Deliveries = streams.NewTopic("deliveries", id, serde.JSON[Delivery]())
)

// Build describes the job: both tables as the database has them, joined, and each change of the join to a topic, which
// a sink brings into the index.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("deliveries-app")
	customers := debezium.Table(b, Customers, CustomerRows)
	orders := debezium.Table(b, Orders, OrderRows)
	deliveries := streams.JoinForeignKey(orders, customers, OrderedBy, DeliveryRows,
		func(_ int64, o Order) streams.Optional[int64] { return streams.Some(o.Customer) },
		deliver)
	deliveries.ToStream().To(Deliveries)
	return b.Build()
}

func deliver(o Order, c Customer) Delivery {
	d := Delivery{Name: c.Name, City: "unknown", Amount: string(o.Amount)}
	if c.City != nil {
		d.City = *c.City
	}
	return d
}

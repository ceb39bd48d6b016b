package main

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// Order is a value of the topic orders. Its key is the customer, its timestamp the time of the order. An order of 0
// cents is not paid.
type Order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Product  string `json:"product"`
	Cents    int64  `json:"cents"`
}

// Total is what a customer ordered within a minute, which is given by its start in milliseconds.
type Total struct {
	Customer string `json:"customer"`
	Minute   int64  `json:"minute"`
	Orders   int64  `json:"orders"`
	Cents    int64  `json:"cents"`
}

// ProductTotal is what was ordered of a product so far.
type ProductTotal struct {
	Product string `json:"product"`
	Orders  int64  `json:"orders"`
	Cents   int64  `json:"cents"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Orders     = streams.NewTopic("orders", serde.String, serde.JSON[Order]())
	PerMinute  = streams.NewTopic("order-totals", serde.String, serde.JSON[Total]())
	ByProduct  = streams.NewRepartition("by-product", serde.String, serde.JSON[Order]())
	PerProduct = streams.NewTopic("product-totals", serde.String, serde.JSON[ProductTotal]())
	Minutes    = state.NewWindow("minutes", serde.String, serde.Msgpack[Total]())
	Products   = state.NewKeyValue("products", serde.String, serde.Msgpack[ProductTotal]())
)

const (
	app   = "order-totals"
	grace = 10 * time.Second
)

// build describes the job: final totals per customer and minute, and a running total per product.
//
// The totals per minute are grouped by the key that the orders have in their topic. Which order is too late depends on
// the order of records in its partition, and that is fixed there; behind a repartition topic it would depend on how
// fast each upstream task ran. The sums per product have no windows, so they do not care.
func build() (*streams.Topology, error) {
	b := streams.NewBuilder(app)
	paid := streams.From(b, Orders).Filter(isPaid)

	minutes := paid.GroupByKey().WindowedBy(window.Tumbling(time.Minute).Grace(grace))
	totals := streams.WindowedAggregate(minutes, Minutes, newTotal, addOrder)
	streams.ResultsByRecord(totals.Final(), minuteTotal).To(PerMinute)

	products := streams.Aggregate(streams.GroupBy(paid, product, ByProduct), Products, newProductTotal, addToProduct)
	products.ToStream().To(PerProduct)
	return b.Build()
}

func isPaid(o Order) bool { return o.Cents > 0 }

func newTotal() Total { return Total{} }

func addOrder(customer string, o Order, t Total) Total {
	t.Customer = customer
	t.Orders++
	t.Cents += o.Cents
	return t
}

// minuteTotal is the record of a minute that is over.
func minuteTotal(r streams.Record[window.Windowed[string], Total]) (streams.Record[string, Total], error) {
	t := r.Value
	t.Minute = r.Key.Window.Start
	return streams.Record[string, Total]{Key: minuteKey(t), Value: t}, nil
}

func minuteKey(t Total) string { return fmt.Sprintf("%s@%d", t.Customer, t.Minute) }

func product(o Order) string { return o.Product }

func newProductTotal() ProductTotal { return ProductTotal{} }

func addToProduct(product string, o Order, t ProductTotal) ProductTotal {
	t.Product = product
	t.Orders++
	t.Cents += o.Cents
	return t
}

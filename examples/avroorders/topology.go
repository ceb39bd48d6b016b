package main

import (
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Order is a value of the topic orders; the key is the customer. Currency came with the second version: orders without
// one are read with the default.
type Order struct {
	ID       string `avro:"id"`
	Cents    int64  `avro:"cents"`
	Currency string `avro:"currency,default=EUR"`
}

// Total is a row for each customer. Foreign came with the second version: rows of the first are read with the default.
type Total struct {
	Orders  int64 `avro:"orders"`
	Cents   int64 `avro:"cents"`
	Foreign int64 `avro:"foreign,default=0"` // how many orders were not in euros, and are not in the cents
}

// The first version had these types. Schemas are told apart by their fields, and belong together by their name, so that
// the types of the first version say the name of the second's.
type (
	firstOrder struct {
		ID    string `avro:"id"`
		Cents int64  `avro:"cents"`
	}
	firstTotal struct {
		Orders int64 `avro:"orders"`
		Cents  int64 `avro:"cents"`
	}
)

const (
	firstOrderSchema = `{"type":"record","name":"Order","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"cents","type":"long"}]}`
	firstTotalSchema = `{"type":"record","name":"Total","namespace":"shop","fields":[
		{"name":"orders","type":"long"},{"name":"cents","type":"long"}]}`
)

// version is what one version of the application reads, keeps and writes.
type version[O, T any] struct {
	Orders streams.Topic[string, O]
	Rows   state.KeyValue[string, T]
	Totals streams.Topic[string, T]
}

func newVersion[O, T any](r *registry.Registry, order registry.Codec[O], total registry.Codec[T]) version[O, T] {
	return version[O, T]{
		Orders: streams.NewTopic("orders", serde.String, registry.Of(r, order)),
		Rows:   state.NewKeyValue("totals-by-customer", serde.String, registry.Of(r, total)),
		Totals: streams.NewTopic("totals", serde.String, registry.Of(r, total)),
	}
}

// build describes the job: totals of each customer's orders.
func (v version[O, T]) build(add func(T, O) T) (*streams.Topology, error) {
	b := streams.NewBuilder("avro-orders")
	orders := streams.From(b, v.Orders).GroupByKey()
	streams.Aggregate(orders, v.Rows, func() (t T) { return t }, func(_ string, o O, t T) T { return add(t, o) }).
		ToStream().To(v.Totals)
	return b.Build()
}

// first is the version that knows no currencies.
func first(r *registry.Registry) version[firstOrder, firstTotal] {
	return newVersion(r, avro.With[firstOrder](firstOrderSchema), avro.With[firstTotal](firstTotalSchema))
}

func addFirst(t firstTotal, o firstOrder) firstTotal {
	return firstTotal{Orders: t.Orders + 1, Cents: t.Cents + o.Cents}
}

// second is the version that is in the types' own schemas.
func second(r *registry.Registry) version[Order, Total] {
	return newVersion(r, avro.Of[Order]("shop"), avro.Of[Total]("shop"))
}

func addSecond(t Total, o Order) Total {
	t.Orders++
	if o.Currency == "EUR" {
		t.Cents += o.Cents
	} else {
		t.Foreign++
	}
	return t
}

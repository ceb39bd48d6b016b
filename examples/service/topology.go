package main

import (
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Purchase is that of a customer, whose name is the key.
type Purchase struct {
	Product string `json:"product"`
	Pieces  int64  `json:"pieces"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Purchases = streams.NewTopic("purchases", serde.String, serde.JSON[Purchase]())
	ByProduct = streams.NewRepartition("by-product", serde.String, serde.JSON[Purchase]())
	Sold      = state.NewKeyValue("sold", serde.String, serde.Int64)
)

// Build describes the job: how many pieces of each product were sold so far.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("sold-products")
	byProduct := streams.GroupBy(streams.From(b, Purchases), func(p Purchase) string { return p.Product }, ByProduct)
	streams.Aggregate(byProduct, Sold, func() int64 { return 0 },
		func(_ string, p Purchase, sold int64) int64 { return sold + p.Pieces })
	return b.Build()
}

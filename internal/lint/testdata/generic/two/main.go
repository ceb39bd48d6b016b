// Command two is the topology of command one with a second value type, in a topic and a store of its own.
package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

type order struct {
	Customer string
	Cents    int64
}

type customer struct {
	Name string
	VIP  bool
}

var (
	orders  = streams.NewTopic("orders", serde.String, serde.JSON[order]())
	paid    = streams.NewTopic("paid", serde.String, serde.JSON[order]())
	counts  = streams.NewTopic("counts", serde.String, serde.Int64)
	minutes = state.NewWindow("minutes", serde.String, serde.Int64)

	customers = streams.NewTopic("customers", serde.String, serde.JSON[customer]())
	vips      = streams.NewTopic("vips", serde.String, serde.JSON[customer]())
	known     = state.NewKeyValue("known", serde.String, serde.JSON[customer]())
)

func main() {
	b := streams.NewBuilder("small")
	s := streams.From(b, orders).Filter(func(o order) bool { return o.Cents > 0 })
	s.To(paid)
	w := s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(minutes)
	streams.ResultsBy(w.Final(), func(k window.Windowed[string]) string { return k.Key }).To(counts)
	vip := func(c customer) bool { return c.VIP }
	streams.TableFrom(b, customers, known).Filter(vip).ToStream().To(vips)
	if _, err := b.Build(); err != nil {
		panic(err)
	}
}

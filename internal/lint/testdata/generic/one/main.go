// Command one is a small topology with one value type, whose functions the test of generic code counts.
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

var (
	orders  = streams.NewTopic("orders", serde.String, serde.JSON[order]())
	paid    = streams.NewTopic("paid", serde.String, serde.JSON[order]())
	counts  = streams.NewTopic("counts", serde.String, serde.Int64)
	minutes = state.NewWindow("minutes", serde.String, serde.Int64)
)

func main() {
	b := streams.NewBuilder("small")
	s := streams.From(b, orders).Filter(func(o order) bool { return o.Cents > 0 })
	s.To(paid)
	w := s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(minutes)
	streams.ResultsBy(w.Final(), func(k window.Windowed[string]) string { return k.Key }).To(counts)
	if _, err := b.Build(); err != nil {
		panic(err)
	}
}

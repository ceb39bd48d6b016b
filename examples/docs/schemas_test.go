package docs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// TestSchemas has the fragments of the page on schemas.
func TestSchemas(t *testing.T) {
	type Order struct {
		ID       string    `avro:"id"`
		Cents    int64     `avro:"cents"`
		At       time.Time `avro:"at"`
		Note     *string   `avro:"note"`
		Currency string    `avro:"currency,default=EUR"`
	}
	url, stop := demo.Registry("")
	t.Cleanup(stop)

	schemas := registry.New(registry.Config{URLs: []string{url}})
	orders := streams.NewTopic("orders", serde.String, registry.Of(schemas, avro.Of[Order]("shop")))

	b := streams.NewBuilder("cheap")
	cheap := streams.NewTopic("cheap", serde.String, orders.Value())
	streams.From(b, orders).Filter(func(o Order) bool { return o.Cents < 100 }).To(cheap)
	topo, err := b.Build()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	order := Order{ID: "1", Cents: 5, At: time.UnixMilli(1_777_777_777_777).UTC(), Currency: "EUR"}
	testkit.Input(d, orders).Pipe("a", order, order.At)
	require.Equal(t, map[string]Order{"a": order}, testkit.Latest(testkit.Output(d, cheap)))
}

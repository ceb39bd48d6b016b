package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/testkit"
)

func TestDeliveriesFollowBothTables(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, testkit.Partitions(3))
	cs, os, out := testkit.Input(d, Customers), testkit.Input(d, Orders), testkit.Output(d, Deliveries)

	os.PipeRecord(orders(0, debezium.Create, 100, 1, "19.99"))
	require.Empty(t, out.Read(), "its customer is not there yet")
	cs.PipeRecord(customers(1, debezium.Create, 1, "Ann", ""))
	require.Equal(t, map[int64]Delivery{100: {"Ann", "unknown", "19.99"}}, testkit.Latest(out))
	cs.PipeRecord(customers(2, debezium.Update, 1, "Ann", "Lima"))
	d.Crash(testkit.BeforeCommit)
	require.Equal(t, map[int64]Delivery{100: {"Ann", "Lima", "19.99"}}, testkit.Latest(out))
	cs.PipeRecord(customers(3, debezium.Delete, 1, "", ""))
	cs.PipeRecord(tombstone[Customer](3, 1))
	gone := out.Read()
	require.Len(t, gone, 1)
	require.True(t, gone[0].NullValue)
}

// TestAmountsOfAnotherMode: the tag says that decimals are precise; text is refused, by the column's name.
func TestAmountsOfAnotherMode(t *testing.T) {
	topo, err := Build()
	require.NoError(t, err)
	d, err := testkit.NewDriver(topo)
	require.NoError(t, err)
	testkit.Input(d, Orders).PipeRaw(testkit.RawRecord{
		Key: []byte(`{"id":1}`), Value: []byte(`{"op":"c","after":{"id":1,"customer_id":1,"amount":"19.99"}}`),
	})
	require.ErrorIs(t, d.Err(), debezium.ErrDecimalMode)
	require.ErrorContains(t, d.Err(), `column "amount"`)
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}

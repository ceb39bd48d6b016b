package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/testkit"
)

func TestRun(t *testing.T) {
	require.NoError(t, run(context.Background(), options{partitions: 3}))
}

// TestFirstVersionReadsTheSecond, and the second what the first wrote.
func TestFirstVersionReadsTheSecond(t *testing.T) {
	url, stop := demo.Registry("")
	t.Cleanup(stop)
	schemas := registry.New(registry.Config{URLs: []string{url}})
	at := time.UnixMilli(demo.At(0))
	one, err := first(schemas).build(addFirst)
	require.NoError(t, err)
	d := testkit.New(t, one)
	testkit.Input(d, second(schemas).Orders).Pipe("ann", Order{"1", 500, "JPY"}, at)
	require.Equal(t, map[string]firstTotal{"ann": {1, 500}}, testkit.Latest(testkit.Output(d, first(schemas).Totals)))
	two, err := second(schemas).build(addSecond)
	require.NoError(t, err)
	d = testkit.New(t, two)
	testkit.Input(d, first(schemas).Orders).Pipe("ann", firstOrder{"1", 500}, at)
	require.Equal(t, map[string]Total{"ann": {1, 500, 0}}, testkit.Latest(testkit.Output(d, second(schemas).Totals)))
}

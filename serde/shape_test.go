package serde_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
)

type (
	shapeBase struct {
		ID   string `json:"id"`
		Name string
	}
	shapeOf struct {
		shapeBase
		Name    []byte `json:"name,omitempty" msgpack:"n"`
		Number  int64  `json:",string"`
		At      time.Time
		Wait    time.Duration
		Left    *shapeOf
		Items   map[string][]shapeItem
		Skipped int `json:"-" msgpack:"-"`
		hidden  int
	}
	shapeItem  struct{ Price float64 }
	shapeArray struct {
		_msgpack struct{} `msgpack:",as_array"` //nolint:unused // the library reads its tag
		B, A     int32
	}
)

const here = "github.com/millstream-go/millstream/serde_test."

// TestShapes: names are those in the bytes, with embedded structs, in their order.
func TestShapes(t *testing.T) {
	_ = shapeOf{hidden: 1}.hidden
	require.Equal(t, []serde.Shape{{Type: here + "shapeOf", Fields: []string{
		"id string", "Name string", "name []uint8,omitempty", "Number int64,string", "At time.Time",
		"Wait int64(time.Duration)", "Left *" + here + "shapeOf", "Items map[string][]struct", "Items.Price float64",
	}}}, serde.ShapesOf(serde.JSON[shapeOf]()))
	require.Equal(t, []string{
		"ID string", "Name string", "n []uint8", "Number int64", "At time.Time", "Wait int64(time.Duration)",
		"Left *" + here + "shapeOf", "Items map[string][]struct", "Items.Price float64",
	}, serde.ShapesOf(serde.Msgpack[shapeOf]())[0].Fields)
	require.Equal(t, []string{"0 int32", "1 int32"}, serde.ShapesOf(serde.Msgpack[shapeArray]())[0].Fields)
	require.Equal(t, []serde.Shape{{Type: "[]" + here + "shapeItem", Fields: []string{"(value) []struct", "Price float64"}}},
		serde.ShapesOf(serde.JSON[[]shapeItem]()))
	require.Equal(t, []serde.Shape{{Type: "*time.Time"}}, serde.ShapesOf(serde.JSON[*time.Time]()))
	require.Equal(t, []serde.Shape{{Type: "map[string]interface{}"}}, serde.ShapesOf(serde.JSON[map[string]any]()))
	require.Equal(t, []serde.Shape{{Type: "string"}}, serde.ShapesOf(serde.String))
	own := serde.New("own", serde.JSON[shapeItem]().Append, serde.JSON[shapeItem]().Decode)
	require.Equal(t, []serde.Shape{{Type: here + "shapeItem", Fields: []string{"Price float64"}}}, serde.ShapesOf(own))
	require.Empty(t, serde.ShapesOf(nil))
}

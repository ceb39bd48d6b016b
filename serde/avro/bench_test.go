package avro_test

import (
	"testing"
	"time"

	lib "github.com/twmb/avro"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde/avro"
)

func anOrder() order {
	note := "leave it at the door"
	return order{
		ID: "o-000017", Customer: 4711, Cents: 1999, Weight: 1.25, Factor: 0.5, Paid: true, Note: &note,
		At: time.UnixMilli(1_777_777_777_777).UTC(), Raw: []byte{1, 2, 3, 4}, Items: []string{"cup", "plate"},
	}
}

// BenchmarkDecode compares the serde with the library by itself.
func BenchmarkDecode(b *testing.B) {
	s := avro.Of[order]("shop")
	bytes, err := s.Append(nil, anOrder())
	require.NoError(b, err)
	schema := lib.MustParse(s.Schema().Text)
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v order
			if _, err := schema.Decode(bytes, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("serde", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Decode(bytes); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s := avro.Of[order]("shop")
	schema := lib.MustParse(s.Schema().Text)
	v := anOrder()
	room := make([]byte, 0, 200)
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := schema.AppendEncode(room, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("serde", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Append(room, v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestNoAllocationOfOurs: the library allocates what the value points to, and we nothing.
func TestNoAllocationOfOurs(t *testing.T) {
	s := avro.Of[order]("shop")
	schema := lib.MustParse(s.Schema().Text)
	v := anOrder()
	room := make([]byte, 0, 200)
	bytes, err := s.Append(room, v)
	require.NoError(t, err)
	var into order
	library := testing.AllocsPerRun(1000, func() {
		into = order{}
		_, err = schema.Decode(bytes, &into)
	})
	require.NoError(t, err)
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _, err = s.Decode(bytes) }), library)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, err = s.Append(room, v) }))
	require.NoError(t, err)
}

package streams_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

func ExampleNewRecord() {
	b := streams.NewBuilder("example")
	words := streams.FlatMap(streams.From(b, in), func(r record, emit func(record) error) error {
		for i, w := range strings.Fields(r.Value) {
			if err := emit(streams.NewRecord(w, fmt.Sprint("word ", i, " of ", r.Key), r.Timestamp)); err != nil {
				return err
			}
		}
		return nil
	})
	words.To(out)
	play(b, out, rec("ann", "good morning", 1))
	// Output:
	// good word 0 of ann
	// morning word 1 of ann
}

// Time and headers stay, and so does the null flag of what is not replaced.
func ExampleWithKey() {
	b := streams.NewBuilder("example")
	shouted := streams.Map(streams.From(b, in), func(r record) (record, error) {
		return streams.WithKey(streams.WithValue(r, strings.ToUpper(r.Value)), "loud "+r.Key), nil
	})
	shouted.To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: loud ann HELLO
}

func ExampleWithOptional() {
	b := streams.NewBuilder("example")
	deleted := streams.Map(streams.From(b, in), func(r record) (record, error) {
		return streams.WithOptional(r, streams.None[string]()), nil
	})
	deleted.To(out)
	play(b, out, rec("ann", "hello", 1))
	// Output: ann deleted
}

func Example_windowTimes() {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	w := window.Tumbling(time.Hour).Window(noon.UnixMilli())
	fmt.Println(w.StartTime().UTC().Format(time.TimeOnly), "to", w.EndTime().UTC().Format(time.TimeOnly))
	// Output: 12:00:00 to 13:00:00
}

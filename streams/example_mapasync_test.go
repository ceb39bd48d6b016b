package streams_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func ExampleMapAsync() {
	// ask stands for a call of a service.
	ask := func(ctx context.Context, card string) (string, error) {
		if card == "" {
			return "", streams.Permanent(errors.New("no card")) // no further attempt would help
		}
		return card + " is good", nil
	}
	inFlight := state.NewInFlight("card-checks", serde.String, serde.String)
	b := streams.NewBuilder("example")
	checked := streams.MapAsync(streams.From(b, in), ask, streams.Calls{
		Concurrency: 200, Timeout: time.Second, PerSecond: 1000,
	}, inFlight)
	checked.To(out)
	play(b, out, rec("ann", "4711", 1), rec("bob", "4712", 2))
	// Output:
	// ann 4711 is good
	// bob 4712 is good
}

func ExampleMapAsyncRecord() {
	ask := func(ctx context.Context, r record) (streams.Optional[string], error) {
		if r.NullValue {
			return streams.None[string](), nil
		}
		return streams.Some(fmt.Sprintf("%s of %s is good", r.Value, r.Key)), nil
	}
	inFlight := state.NewInFlight("card-checks", serde.String, serde.String)
	b := streams.NewBuilder("example")
	streams.MapAsyncRecord(streams.From(b, in), ask, streams.Calls{}, inFlight).To(out)
	play(b, out, rec("ann", "4711", 1))
	// Output:
	// ann 4711 of ann is good
}

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Payment is a value of the input; the key is the account.
type Payment struct {
	ID   int    `json:"id"`
	Card string `json:"card"`
}

// Verdict is a value of the output, under the same key.
type Verdict struct {
	Payment int  `json:"payment"`
	OK      bool `json:"ok"`
}

// What outlives the process is declared once, with its name and its serdes. InFlight has the payments whose answers are
// awaited.
var (
	Payments = streams.NewTopic("payments", serde.String, serde.JSON[Payment]())
	InFlight = state.NewInFlight("card-checks", serde.String, serde.JSON[Payment]())
	Checked  = streams.NewTopic("payments-checked", serde.String, serde.JSON[Verdict]())
)

// Build describes the job: a verdict for each payment. Payments of one account are asked for one after the other, those
// of different accounts at once.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("card-checks")
	checked := streams.MapAsync(streams.From(b, Payments), check, streams.Calls{
		Concurrency: 100, Timeout: time.Second, Attempts: 10, Backoff: 10 * time.Millisecond,
	}, InFlight)
	checked.To(Checked)
	return b.Build()
}

// check asks whether a card may be charged.
func check(ctx context.Context, p Payment) (Verdict, error) {
	blocked, err := service(ctx, p.Card)
	return Verdict{Payment: p.ID, OK: !blocked}, err
}

// service stands for one at the other end of a network.
func service(ctx context.Context, card string) (blocked bool, err error) {
	select {
	case <-time.After(5*time.Millisecond + rand.N(95*time.Millisecond)):
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if rand.IntN(20) == 0 {
		return false, errors.New("503: come again")
	}
	return card == "card-0", nil
}

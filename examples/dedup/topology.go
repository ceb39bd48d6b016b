package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Transfer is a value of both topics; the key is the account. Whoever sends transfers repeats them when in doubt, with
// the same id.
type Transfer struct {
	ID    string `json:"id"`
	Cents int64  `json:"cents"`
}

// within is how long after a transfer, or before it, another one with its id is a repetition.
const within = time.Hour

// What outlives the process is declared once, with its name and its serdes. The row of a transfer lies at its id and
// time. Transfers come up to an hour late, and are compared with those of an hour before: that is how long rows stay.
var (
	Sent = streams.NewTopic("transfers-sent", serde.String, serde.JSON[Transfer]())
	Seen = state.NewWindow("transfers-seen", serde.String, serde.Bool).Retain(2 * within).ByKey()
	Once = streams.NewTopic("transfers-once", serde.String, serde.JSON[Transfer]())
)

// Build describes the job: each transfer once, the first of those with its id. A repetition has the key of what it
// repeats, so both come to the same partition, and the store there knows.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("transfer-dedup")
	first := streams.ProcessValues(streams.From(b, Sent), func() streams.FixedKeyProcessor[string, Transfer, Transfer] {
		return &filter{}
	}, Seen)
	first.To(Once)
	return b.Build()
}

// filter passes each transfer once. There is one for each partition.
type filter struct {
	seen state.WindowStore[string, bool]
}

func (f *filter) Init(ctx *streams.FixedKeyContext[string, Transfer]) error {
	f.seen = Seen.In(ctx)
	return nil
}

func (f *filter) Process(
	ctx *streams.FixedKeyContext[string, Transfer], r streams.FixedKeyRecord[string, Transfer],
) error {
	id, at := r.Record().Value.ID, r.Record().Timestamp
	switch {
	case r.Record().NullValue:
		ctx.Drop(streams.DropNullValue)
		return nil
	case at < ctx.StreamTime()-within.Milliseconds(): // the store may have forgotten what this repeats
		ctx.Drop(streams.DropLate)
		return nil
	}
	repeated, err := f.repeated(id, at)
	if err != nil || repeated {
		return err
	}
	if err := f.seen.Put(id, at, true, at); err != nil {
		return err
	}
	return ctx.Forward(r)
}

func (f *filter) repeated(id string, at int64) (bool, error) {
	for _, err := range f.seen.Fetch(id, at-within.Milliseconds(), at+within.Milliseconds()) {
		return err == nil, err
	}
	return false, nil
}

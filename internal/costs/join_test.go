package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

var (
	pairs   = state.NewJoin("pairs", serde.Int64, events, events)
	waiting = state.NewBuffer("waiting", serde.Int64, events)
)

func orNone(e event, r streams.Optional[event]) event { return sumUp(e, r.Value) }

func streamTableJoins() []operation {
	join := func(name string, join func(b *streams.Builder, s *streams.Stream[int64, event])) operation {
		return operation{name, func(b *streams.Builder) { join(b, streams.From(b, in)) }, tableFirst}
	}
	return []operation{
		join("Join", func(b *streams.Builder, s *streams.Stream[int64, event]) {
			streams.Join(s, streams.TableFrom(b, other, rows), sumUp).To(out)
		}),
		join("LeftJoin", func(b *streams.Builder, s *streams.Stream[int64, event]) {
			streams.LeftJoin(s, streams.TableFrom(b, other, rows), orNone).To(out)
		}),
		join("Join with a versioned table", func(b *streams.Builder, s *streams.Stream[int64, event]) {
			streams.Join(s, streams.VersionedTableFrom(b, other, versions), sumUp).To(out)
		}),
		join("JoinWithGrace, 5 seconds", func(b *streams.Builder, s *streams.Stream[int64, event]) {
			t := streams.VersionedTableFrom(b, other, versions)
			streams.JoinWithGrace(s, t, streams.Left, 5*time.Second, waiting,
				func(r record, row streams.Optional[event]) (streams.Optional[event], error) {
					return streams.Some(orNone(r.Value, row)), nil
				}).To(out)
		}),
		join("JoinGlobal", func(b *streams.Builder, s *streams.Stream[int64, event]) {
			streams.JoinGlobal(s, streams.GlobalTableFrom(b, other, rows), ref, sumUp).To(out)
		}),
	}
}

// tableFirst fills a table, and then has one change of it for 9 records of the stream.
func tableFirst(i int64) input {
	in := evenly(i)
	if i < keys || i%10 == 0 {
		in.topic = "other"
	}
	return in
}

func streamJoins() []operation {
	type stream = *streams.Stream[int64, event]
	windows := window.Within(8 * time.Second).Grace(time.Second)
	join := func(name string, join func(l, r stream) stream) operation {
		return operation{name, func(b *streams.Builder) {
			join(streams.From(b, in), streams.From(b, other)).To(out)
		}, inPairs}
	}
	return []operation{
		join("JoinStreams", func(l, r stream) stream { return streams.JoinStreams(l, r, windows, pairs, sumUp) }),
		join("LeftJoinStreams", func(l, r stream) stream {
			return streams.LeftJoinStreams(l, r, windows, pairs, orNone)
		}),
		join("OuterJoinStreams", func(l, r stream) stream {
			return streams.OuterJoinStreams(l, r, windows, pairs, func(l, r streams.Optional[event]) event {
				return sumUp(l.Value, r.Value)
			})
		}),
	}
}

// inPairs is a left and a right record in turn, one of them each millisecond. The right record comes 5 seconds after
// the left one of its key, but for one pair in ten 10 seconds after it, which is too late for a join within 8 seconds.
func inPairs(i int64) input {
	pair := i / 2
	if i%2 == 0 {
		return input{topic: "in", key: pair * 7919 % keys, value: event{Amount: i}, at: i}
	}
	if pair%10 == 0 {
		pair -= 5000
	} else {
		pair -= 2500
	}
	return input{topic: "other", key: (pair + keys) * 7919 % keys, value: event{Amount: i}, at: i}
}

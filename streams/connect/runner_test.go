package connect_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestEachRecordOnce: through lost answers, refused connections and two instances that come and go, each record is
// written once, and the rows are those of the topic.
func TestEachRecordOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	b, tab := fresh(t, 4), newTable()
	all := append(numbers(0, 2998), record{Key: "k3", NullValue: true}, record{Key: "k4", NullValue: true})
	for at := 500; at <= len(all); at += 500 {
		produce(t, b, all[at-500:at]...)
		var stops []func() error
		for range 1 + rng.IntN(2) {
			w, draws := tab.writer(), rand.New(rand.NewPCG(rng.Uint64(), 0))
			sometimes := func([]batch) error {
				if draws.IntN(4) == 0 {
					return errors.New("away")
				}
				return nil
			}
			w.before, w.after = sometimes, sometimes
			stops = append(stops, start(t, runner(t, w, config(b, "once"))))
		}
		tab.want(t, latest(all[:at]...))
		for _, stop := range stops {
			require.NoError(t, stop())
		}
	}
	tab.wantOnce(t, len(all))
}

// TestOnlyCommitted: what a transaction took back is not written, and what is not committed yet not either.
func TestOnlyCommitted(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	c := client(t, b, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic(in.Name()))
	send := func(how kgo.TransactionEndTry, key string) {
		require.NoError(t, c.BeginTransaction())
		v, _ := serde.Int64.Append(nil, 1)
		require.NoError(t, c.ProduceSync(t.Context(), &kgo.Record{Key: []byte(key), Value: v}).FirstErr())
		require.NoError(t, c.EndTransaction(t.Context(), how))
	}
	send(kgo.TryCommit, "a")
	send(kgo.TryAbort, "b")
	send(kgo.TryCommit, "c")
	stop := start(t, runner(t, tab.writer(), config(b, "committed")))
	tab.want(t, map[string]int64{"a": 1, "c": 1})
	require.NoError(t, stop())
	require.Len(t, tab.seen, 2)
}

// TestTheSinksPlaceCounts: it is where reading goes on, ahead of the group's offset or behind it, as after a restore of
// the database from a backup; also where no new record comes.
func TestTheSinksPlaceCounts(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	all := numbers(0, 50)
	produce(t, b, all...)
	stop := start(t, runner(t, tab.writer(), config(b, "place")))
	tab.want(t, latest(all...))
	require.NoError(t, stop())

	restored := newTable()
	restored.next[partition{Topic: "in"}] = 20
	stop = start(t, runner(t, restored.writer(), config(b, "place")))
	restored.want(t, latest(all[20:]...))
	require.NoError(t, stop())
	require.Len(t, restored.seen, 30)

	ahead := newTable()
	ahead.next[partition{Topic: "in"}] = 45
	stop = start(t, runner(t, ahead.writer(), config(b, "another")))
	ahead.want(t, latest(all[45:]...))
	require.NoError(t, stop())
}

// TestGroupKeepsThePlace of sinks that know none.
func TestGroupKeepsThePlace(t *testing.T) {
	b, tab := fresh(t, 2), newTable()
	all := numbers(0, 100)
	for i := range 2 {
		produce(t, b, all[50*i:50*i+50]...)
		w := tab.writer()
		w.claim = func() error { clear(tab.next); return nil }
		stop := start(t, runner(t, w, config(b, "group")))
		tab.want(t, latest(all[:50*i+50]...))
		require.NoError(t, stop())
		require.True(t, w.closed)
	}
	tab.wantOnce(t, 100)
}

// TestFetchesNoMoreWhileTheSinkIsAway: a topic of 20 MB is not read into memory.
func TestFetchesNoMoreWhileTheSinkIsAway(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	large := streams.NewTopic("large", serde.String, serde.Bytes)
	require.NoError(t, b.CreateTopics(t.Context(), 1, large))
	value := make([]byte, 500_000)
	for i := range value { // the bound is one of bytes as they are sent, and these do not compress
		value[i] = byte(rand.Uint32())
	}
	for i := range 40 {
		require.NoError(t, broker.Produce(t.Context(), b, large, streams.NewRecord("k", value, int64(i))))
	}
	held := &buffered{}
	c := config(b, "bounded")
	c.FetchBytes, c.Kafka = 2<<20, []kgo.Opt{kgo.WithHooks(held), kgo.FetchMaxPartitionBytes(2 << 20)}
	var calls atomic.Int64
	w := blobs{writer: tab.writer(), write: func() error {
		if calls.Add(1) < 50 {
			return errors.New("the database is away")
		}
		return nil
	}}
	r, err := connect.New(large, w, c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- r.Run(ctx) }()
	for r.Status().Written < 40 {
		require.NoError(t, t.Context().Err())
		if s := r.Status(); s.Waiting != nil {
			require.ErrorContains(t, s.Waiting, "the database is away")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	require.NoError(t, <-ended)
	require.GreaterOrEqual(t, r.Status().Retries, int64(49))
	require.LessOrEqual(t, held.most.Load(), int64(8<<20))
}

type blobs struct {
	*writer
	write func() error
}

func (b blobs) Write(context.Context, []connect.Batch[string, []byte]) error { return b.write() }

// buffered is the most bytes of values that the client held.
type buffered struct{ now, most atomic.Int64 }

func (b *buffered) OnFetchRecordBuffered(r *kgo.Record) {
	b.most.Store(max(b.most.Load(), b.now.Add(int64(len(r.Value)))))
}
func (b *buffered) OnFetchRecordUnbuffered(r *kgo.Record, _ bool) { b.now.Add(-int64(len(r.Value))) }

// TestRefusedRecords: the ones that are bad are found, whatever batch they are in, and the others are written.
func TestRefusedRecords(t *testing.T) {
	bad := errors.New("out of range")
	refuse := func(batches []batch) error {
		for _, bt := range batches {
			for _, r := range bt.Records {
				if r.Value%10 == 3 {
					return &connect.RefusedError{Err: bad}
				}
			}
		}
		return nil
	}
	named := func(batches []batch) error {
		var refused []connect.Refusal
		for _, bt := range batches {
			for _, r := range bt.Records {
				if r.Value%10 == 3 {
					refused = append(refused, connect.Refusal{Partition: bt.Partition, Offset: r.Offset, Err: bad})
				}
			}
		}
		if refused == nil {
			return nil
		}
		return &connect.RefusedError{Records: refused}
	}
	all := numbers(0, 100)
	good := slices.DeleteFunc(slices.Clone(all), func(r record) bool { return r.Value%10 == 3 })
	for name, set := range map[string]func(*writer){
		"found": func(w *writer) { w.before = refuse }, "named": func(w *writer) { w.after = named },
	} {
		t.Run(name, func(t *testing.T) {
			b, tab := fresh(t, 2), newTable()
			produce(t, b, all...)
			w := tab.writer()
			set(w)
			c := config(b, name)
			c.OnError, c.DeadLetterTopic = streams.DeadLetter, dead.Name()
			r := runner(t, w, c)
			stop := start(t, r)
			for r.Status().Written+r.Status().Refused < 100 {
				time.Sleep(time.Millisecond)
			}
			require.NoError(t, stop())
			rows := tab.all()
			delete(rows, "k3")
			require.Equal(t, latest(good...), rows)
			require.EqualValues(t, 10, r.Status().Refused)

			letters, err := broker.Read(t.Context(), b, dead)
			require.NoError(t, err)
			require.Len(t, letters, 10)
			require.Equal(t, "k3", string(letters[0].Key))
			require.Contains(t, letters[0].Headers, streams.Header{Key: "__streams.errors.topic", Value: []byte("in")})

			w = tab.writer()
			w.before = refuse
			c = config(b, "fails")
			c.OnError = streams.Fail
			tab.next = map[partition]int64{}
			var failed *connect.RecordError
			require.ErrorAs(t, runner(t, w, c).Run(t.Context()), &failed)
			require.ErrorIs(t, failed, bad)
			require.ErrorContains(t, failed, "record at offset")
		})
	}
}

// TestUndecodableRecords meet the policy, and their places move on.
func TestUndecodableRecords(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	text := streams.NewTopic("in", serde.String, serde.String)
	produce(t, b, numbers(0, 3)...)
	require.NoError(t, broker.Produce(t.Context(), b, text, streams.NewRecord("k9", "no number", 1)))
	c := config(b, "undecodable")
	var failed *connect.RecordError
	require.ErrorAs(t, runner(t, newTable().writer(), c).Run(t.Context()), &failed)
	require.EqualValues(t, 3, failed.Offset)
	require.ErrorContains(t, failed, "int64 needs 8 bytes")

	c.OnError = streams.Skip
	r := runner(t, tab.writer(), c)
	stop := start(t, r)
	for r.Status().Next[partition{Topic: "in"}] < 4 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, stop())
	require.Equal(t, latest(numbers(0, 3)...), tab.all())
	require.EqualValues(t, 1, r.Status().Refused)
}

// panicking is a serde that does not bear the number 2.
type panicking struct{ serde.Serde[int64] }

func (p panicking) Decode(b []byte) (int64, error) {
	v, err := p.Serde.Decode(b)
	if v == 2 {
		panic("no number for me")
	}
	return v, err
}

// TestAPanicOfASerde is an error of its record.
func TestAPanicOfASerde(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 4)...)
	topic := streams.NewTopic(in.Name(), serde.String, panicking{serde.Int64})
	r, err := connect.New(topic, tab.writer(), config(b, "panic"))
	require.NoError(t, err)
	var failed *connect.RecordError
	require.ErrorAs(t, r.Run(t.Context()), &failed)
	var panicked *streams.PanicError
	require.ErrorAs(t, failed, &panicked)
	require.EqualValues(t, 2, failed.Offset)
}

// TestOthersUnderOneNameAreFenced: two groups by mistake write with the same place. No record is doubled, and both
// tell.
func TestOthersUnderOneNameAreFenced(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	first, second := runner(t, tab.writer(), config(b, "first")), runner(t, tab.writer(), config(b, "second"))
	stopFirst := start(t, first)
	produce(t, b, numbers(0, 20)...)
	tab.want(t, latest(numbers(0, 20)...))
	stopSecond := start(t, second)
	n := 20
	for ; first.Status().Fenced == 0 || n < 200; n += 10 {
		produce(t, b, numbers(n, 10)...)
		tab.want(t, latest(numbers(0, n+10)...))
	}
	require.NoError(t, stopFirst())
	require.NoError(t, stopSecond())
	tab.wantOnce(t, n)
}

// TestUnfitAtStart: what an operator must mend ends Run before a record is read.
func TestUnfitAtStart(t *testing.T) {
	b := fresh(t, 1)
	w := newTable().writer()
	w.open = func() error { return &connect.SetupError{What: "table x", Err: errors.New("no column y")} }
	require.EqualError(t, runner(t, w, config(b, "unfit")).Run(t.Context()),
		"connect: table x is not as it must be: no column y")
	w = newTable().writer()
	w.claim = w.open
	w.claim = func() error { return &connect.SetupError{What: "table x", Err: errors.New("is gone")} }
	require.ErrorContains(t, runner(t, w, config(b, "unfit")).Run(t.Context()), "is gone")

	missing := streams.NewTopic("missing", serde.String, serde.Int64)
	r, err := connect.New(missing, newTable().writer(), config(b, "unfit"))
	require.NoError(t, err)
	require.ErrorContains(t, r.Run(t.Context()), `topic "missing" is not as it must be`)
	require.ErrorIs(t, r.Run(t.Context()), connect.ErrRunning)

	_, err = connect.New[string, int64](in, nil, connect.Config{OnError: streams.DeadLetter, WriteTimeout: time.Hour})
	for _, text := range []string{"Group is needed", "the sink is nil", "DeadLetterTopic is needed", "WriteTimeout is 1h"} {
		require.ErrorContains(t, err, text)
	}
}

// TestLostRecords: what retention took before it was written is told, not passed over.
func TestLostRecords(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 50)...)
	admin := kadm.NewClient(client(t, b))
	offsets := kadm.Offsets{}
	offsets.AddOffset("in", 0, 40, -1)
	_, err := admin.DeleteRecords(t.Context(), offsets)
	require.NoError(t, err)
	tab.next[partition{Topic: "in"}] = 20
	var lost *connect.LostRecordsError
	require.ErrorAs(t, runner(t, tab.writer(), config(b, "lost")).Run(t.Context()), &lost)
	require.Equal(t, partition{Topic: "in"}, lost.Partition)
}

// TestStopLetsTheWriteFinish, and the group has its place.
func TestStopLetsTheWriteFinish(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	produce(t, b, numbers(0, 5)...)
	at, on := make(chan bool), make(chan bool)
	w := tab.writer()
	w.before = func([]batch) error {
		at <- true
		<-on
		return nil
	}
	stop := start(t, runner(t, w, config(b, "stop")))
	<-at
	ended := make(chan error)
	// Ends with the write.
	go func() { ended <- stop() }()
	close(on)
	require.NoError(t, <-ended)
	require.Equal(t, latest(numbers(0, 5)...), tab.all())
	committed, err := kadm.NewClient(client(t, b)).FetchOffsets(t.Context(), "stop")
	require.NoError(t, err)
	at0, _ := committed.Lookup("in", 0)
	require.EqualValues(t, 5, at0.At)
}

// TestAMemberThatWasGivenUp joins again and goes on, as after a standstill of the process: it is no error of the Runner.
func TestAMemberThatWasGivenUp(t *testing.T) {
	b, tab := fresh(t, 1), newTable()
	first, more := numbers(0, 20), numbers(20, 20)
	produce(t, b, first...)
	stop := start(t, runner(t, tab.writer(), config(b, "given-up")))
	tab.want(t, latest(first...))
	admin := client(t, b)
	groups, err := kadm.NewClient(admin).DescribeGroups(t.Context(), "given-up")
	require.NoError(t, err)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = "given-up"
	for _, m := range groups["given-up"].Members {
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = m.MemberID
		leave.Members = append(leave.Members, member)
	}
	require.Len(t, leave.Members, 1)
	_, err = leave.RequestWith(t.Context(), admin)
	require.NoError(t, err)
	for { // until it is there again, or has ended
		groups, err = kadm.NewClient(admin).DescribeGroups(t.Context(), "given-up")
		require.NoError(t, err)
		if members := groups["given-up"].Members; len(members) == 1 && members[0].MemberID != leave.Members[0].MemberID {
			break
		}
		time.Sleep(time.Millisecond)
	}
	produce(t, b, more...)
	tab.want(t, latest(append(first, more...)...))
	require.NoError(t, stop())
}

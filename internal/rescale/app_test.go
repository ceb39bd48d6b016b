package rescale_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

// shop is an application with state of all kinds. Names carry a prefix, so that two of them fit on one broker.
type shop struct {
	events, others, rows, right   streams.Topic[string, string]
	counts, finals, visits, pairs streams.Topic[string, string]
	asOf, calm, linked, byText    streams.Topic[string, string]
	first, graced                 streams.Topic[string, string]
}

func newShop(prefix string) *shop {
	topic := func(name string) streams.Topic[string, string] {
		return streams.NewTopic(prefix+"-"+name, serde.String, serde.String)
	}
	return &shop{
		events: topic("events"), others: topic("others"), rows: topic("rows"), right: topic("right"),
		counts: topic("counts"), finals: topic("finals"), visits: topic("visits"), pairs: topic("pairs"),
		asOf: topic("as-of"), calm: topic("calm"), linked: topic("linked"), byText: topic("by-text"),
		first: topic("first"), graced: topic("graced"),
	}
}

func (s *shop) inputs() []streams.Topic[string, string] {
	return []streams.Topic[string, string]{s.events, s.others, s.rows, s.right}
}

// exact are the outputs that are the same record by record, whatever lies in which partition.
func (s *shop) exact() []streams.Topic[string, string] {
	return []streams.Topic[string, string]{
		s.counts, s.finals, s.visits, s.pairs, s.asOf, s.byText, s.first, s.graced,
	}
}

// latest are those whose last record of each key is: what comes before depends on when others come.
func (s *shop) latest() []streams.Topic[string, string] {
	return []streams.Topic[string, string]{s.calm, s.linked}
}

func text(n int64) string { return fmt.Sprint(n) }

const grace = 20 * time.Second

func (s *shop) build(app string) (*topology.Topology, error) {
	str := serde.String
	b := streams.NewBuilder(app)
	events, others := streams.From(b, s.events), streams.From(b, s.others)
	groups := events.GroupByKey()
	streams.MapValues(groups.Count(state.NewKeyValue("counts", str, serde.Int64)).ToStream(), text).To(s.counts)

	minutes := groups.WindowedBy(window.Tumbling(time.Minute).Grace(grace)).
		Count(state.NewWindow("minutes", str, serde.Int64))
	streams.MapValues(minutes.Final().ByKey(), text).To(s.finals)

	visits := groups.SessionsBy(window.Sessions(15 * time.Second).Grace(grace)).
		Count(state.NewSession("visits", str, serde.Int64))
	streams.MapValues(visits.Final().ByKey(), text).To(s.visits)

	streams.LeftJoinStreams(events, others, window.Within(5*time.Second).Grace(grace),
		state.NewJoin("pairs", str, str, str),
		func(l string, r streams.Optional[string]) string { return l + "/" + r.Value }).To(s.pairs)

	versions := streams.VersionedTableFrom(b, s.rows, state.NewVersioned("versions", str, str, time.Hour))
	streams.LeftJoin(events, versions, func(v string, row streams.Optional[string]) string {
		return v + "@" + row.Value
	}).To(s.asOf)
	streams.JoinWithGrace(others, versions, streams.Left, grace, state.NewBuffer("waiting", str, str),
		func(r streams.Record[string, string], row streams.Optional[string]) (streams.Optional[string], error) {
			return streams.Some(r.Value + "~" + row.Value), nil
		}).To(s.graced)

	right := streams.TableFrom(b, s.right, state.NewKeyValue("right", str, str))
	left := events.ToTable(state.NewKeyValue("left", str, str))
	left.Suppress(streams.HoldFor(30*time.Second), state.NewSuppress("calm", str, str)).ToStream().To(s.calm)
	streams.JoinForeignKey(left, right, streams.NewForeignKey("link", str, str, str, str),
		state.NewKeyValue("linked", str, str),
		func(_, v string) streams.Optional[string] { return streams.Some(v[:1]) },
		func(l, r string) string { return l + "+" + r }).ToStream().To(s.linked)

	byText := streams.GroupBy(others, func(v string) string { return v }, streams.NewRepartition("by-text", str, str))
	streams.MapValues(byText.Count(state.NewKeyValue("texts", str, serde.Int64)).ToStream(), text).To(s.byText)
	seen := state.NewWindow("seen", str, serde.Bool)
	streams.Deduplicate(others, func(v string) string { return v }, 10*time.Second, seen).To(s.first)
	return b.Build()
}

// began is when the records begin: not long ago, as brokers delete what is in changelogs of windows by event time.
var began = time.Now().Truncate(time.Minute).Add(-10 * time.Minute)

// feed is a batch of records; the same seed gives the same.
type feed struct {
	random *rand.Rand
	at     time.Time
}

func newFeed(seed uint64) *feed { return &feed{rand.New(rand.NewPCG(seed, 0)), began} }

// batch gives each input n records, in the order of time; those that join with a grace period but for a few seconds.
func (f *feed) batch(n int) (out [4][]streams.Record[string, string]) {
	for range n {
		f.at = f.at.Add(time.Duration(f.random.IntN(800)) * time.Millisecond)
		for i := range out {
			at := f.at.UnixMilli()
			if i == 1 { // the others are looked up in tables as they are, so that their order matters
				at -= f.random.Int64N(4000)
			}
			key := fmt.Sprint("user ", f.random.IntN(40))
			value := fmt.Sprintf("%c%d", 'a'+rune(f.random.IntN(10)), f.random.IntN(50))
			switch i {
			case 1: // an id belongs to one user, so that duplicates meet
				value = strings.TrimPrefix(key, "user ") + "-" + fmt.Sprint(f.random.IntN(3))
			case 3:
				key = fmt.Sprintf("%c", 'a'+rune(f.random.IntN(10)))
			}
			out[i] = append(out[i], streams.NewRecord(key, value, at))
		}
	}
	return out
}

// last are records that end all windows, whatever partition they lie in.
func (f *feed) last() (out [4][]streams.Record[string, string]) {
	for i := range out {
		for k := range 200 {
			r := streams.NewRecord(fmt.Sprint("end ", k), fmt.Sprint("z", i, k), f.at.Add(time.Hour).UnixMilli())
			out[i] = append(out[i], r)
		}
	}
	return out
}

// produce is a producer that is started anew: one that runs does not know of new partitions for a while.
func (s *shop) produce(t *testing.T, b *broker.Broker, batch [4][]streams.Record[string, string]) {
	t.Helper()
	b, err := broker.Connect(b.Addrs()...)
	require.NoError(t, err)
	defer b.Close()
	for i, in := range s.inputs() {
		require.NoError(t, broker.Produce(t.Context(), b, in, batch[i]...))
	}
}

// run runs the application until it has processed all.
func run(t *testing.T, b *broker.Broker, topo *topology.Topology, dir string) {
	t.Helper()
	runUntil(t, b, topo, dir, func(ctx context.Context) error { return b.WaitProcessed(ctx, topo) })
}

// runUntil runs the application until wait returns.
func runUntil(
	t *testing.T, b *broker.Broker, topo *topology.Topology, dir string, wait func(ctx context.Context) error,
) {
	t.Helper()
	app, err := streams.New(topo, streams.Config{
		Brokers: b.Addrs(), StateDir: dir, MemoryBytes: 16 << 20, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { // ends with ctx
		err := app.Run(ctx)
		ended <- err
		stop(err)
	}()
	err = wait(ctx)
	stop(nil)
	require.NoError(t, <-ended)
	require.NoError(t, err)
	require.Zero(t, app.Dropped()["late"])
}

// answers are what the outputs have, to be compared.
func (s *shop) answers(t *testing.T, b *broker.Broker) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	name := func(topic string) string { return topic[strings.Index(topic, "-")+1:] }
	for _, topic := range s.exact() {
		records, err := broker.Read(t.Context(), b, topic)
		require.NoError(t, err)
		for _, r := range records {
			out[name(topic.Name())] = append(out[name(topic.Name())], fmt.Sprint(r.Timestamp, " ", r.Key, " ", r.Value))
		}
		slices.Sort(out[name(topic.Name())])
	}
	for _, topic := range s.latest() {
		records, err := broker.Read(t.Context(), b, topic)
		require.NoError(t, err)
		last := map[string]string{}
		for _, r := range records {
			last[r.Key] = fmt.Sprint(r.Key, " ", r.Value, " ", r.NullValue)
		}
		for _, v := range last {
			out[name(topic.Name())] = append(out[name(topic.Name())], v)
		}
		slices.SortFunc(out[name(topic.Name())], cmp.Compare)
	}
	return out
}

func (s *shop) create(t *testing.T, b *broker.Broker, inputs int32) {
	t.Helper()
	require.NoError(t, b.CreateTopics(t.Context(), inputs, s.events, s.others, s.rows, s.right))
	require.NoError(t, b.CreateTopics(t.Context(), 3, s.counts, s.finals, s.visits, s.pairs, s.asOf, s.calm, s.linked,
		s.byText, s.first, s.graced))
}

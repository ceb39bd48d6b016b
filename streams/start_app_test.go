package streams_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// starter is a serde of text that is started, and waits for what is never there when it decodes "wait".
type starter struct {
	serde.Serde[string]
	fail    error
	waiting chan struct{} // closed when it waits

	mu   sync.Mutex
	uses []serde.Use
	ctx  context.Context
	once sync.Once
}

func newStarter() *starter { return &starter{Serde: serde.String, waiting: make(chan struct{})} }

func (s *starter) Start(ctx context.Context, use serde.Use) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses, s.ctx = append(s.uses, use), ctx
	return s.fail
}

func (s *starter) Decode(src []byte) (string, error) {
	if string(src) == "wait" {
		s.mu.Lock()
		ctx := s.ctx
		s.mu.Unlock()
		s.once.Do(func() { close(s.waiting) })
		<-ctx.Done()
		return "", errors.Join(serde.ErrStopped, ctx.Err())
	}
	return s.Serde.Decode(src)
}

// TestSerdesAreStarted for each thing that they are used for, by applications and by the test driver.
func TestSerdesAreStarted(t *testing.T) {
	key, value := newStarter(), newStarter()
	b := streams.NewBuilder("app")
	from := streams.NewTopic("in", serde.Serde[string](key), serde.List(serde.Serde[string](value)))
	rows := state.NewKeyValue("rows", serde.Serde[string](key), serde.Serde[string](value))
	streams.MapValues(streams.From(b, from), func(v []string) string { return v[0] }).
		Repartition(streams.NewRepartition("re", serde.Serde[string](key), serde.Serde[string](value))).
		GroupByKey().Reduce(rows, func(sum, v string) string { return sum + v }).ToStream().
		ToEach(streams.NewTopicPattern("out-.*", serde.Serde[string](key), serde.Serde[string](value)),
			func(streams.Record[string, string]) (string, error) { return "out-1", nil })
	d := drive(t, b, testkit.PartitionsOf("out-1", 1))
	want := []serde.Use{
		{Topic: "in"},
		{Topic: "app-re-repartition", Write: true},
		{Topic: "app-re-repartition"},
		{Topic: "out-.*", Pattern: true, Write: true},
		{Topic: "app-rows-changelog", Write: true},
	}
	require.Equal(t, want, value.uses)
	for i := range want {
		want[i].Key = true
	}
	require.Equal(t, want, key.uses)
	testkit.Input(d, from)
	require.Equal(t, serde.Use{Topic: "in", Write: true}, value.uses[len(value.uses)-1])
	require.Equal(t, serde.Use{Topic: "in", Write: true, Key: true}, key.uses[len(key.uses)-1])
}

// TestSerdesOfAForeignKey: the bytes of rows are within what is sent.
func TestSerdesOfAForeignKey(t *testing.T) {
	left, right := newStarter(), newStarter()
	b := streams.NewBuilder("app")
	l := streams.TableFrom(b, in, state.NewKeyValue("l", serde.String, serde.String))
	r := streams.TableFrom(b, other, state.NewKeyValue("r", serde.String, serde.String))
	via := streams.NewForeignKey("via", serde.String, serde.String, serde.Serde[string](left), serde.Serde[string](right))
	streams.JoinForeignKey(l, r, via, rows, func(_, v string) streams.Optional[string] { return streams.Some(v) },
		func(l, r string) string { return l + r })
	drive(t, b)
	topic := serde.Use{Topic: "app-via-subscription-registration-topic"}
	written := topic
	written.Write = true
	require.ElementsMatch(t, []serde.Use{topic, written}, left.uses)
	topic.Topic, written.Topic = "app-via-subscription-response-topic", "app-via-subscription-response-topic"
	require.ElementsMatch(t, []serde.Use{topic, written}, right.uses)
}

// TestSerdeThatDoesNotStart ends the application before it does anything.
func TestSerdeThatDoesNotStart(t *testing.T) {
	r := newRig(t, "in", "out")
	s := newStarter()
	s.fail = errors.New("no")
	err := r.run(func(b *streams.Builder) {
		streams.From(b, streams.NewTopic("in", serde.String, serde.Serde[string](s))).To(out)
	}, r.config(t.TempDir()))
	require.ErrorIs(t, err, s.fail)
	require.EqualError(t, err, "streams: application app: values of topic in: no")
	groups, err := r.admin.ListGroups(context.Background())
	require.NoError(t, err)
	require.Empty(t, groups)
}

// TestStopWhileASerdeWaits is no fault of the record: it is there at the next start, though the policy drops others.
func TestStopWhileASerdeWaits(t *testing.T) {
	r := newRig(t, "in", "out")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	s := newStarter()
	a, stop := r.start(func(b *streams.Builder) {
		streams.From(b, streams.NewTopic("in", serde.String, serde.Serde[string](s))).To(out)
	}, config)
	r.produce("in", "a", "1", "a", "wait")
	<-s.waiting
	require.NoError(t, stop())
	require.Empty(t, a.Dropped())
	_, stop = r.start(func(b *streams.Builder) { streams.From(b, in).To(out) }, config)
	r.requireValues("out", "1", "wait")
	require.NoError(t, stop())
}

// TestFailureWhileASerdeWaits ends the application at once: a serde that waits is stopped with the workers, not only
// with the context of Run.
func TestFailureWhileASerdeWaits(t *testing.T) {
	r := newRig(t, "in", "out")
	config := r.config(t.TempDir())
	config.Workers, config.ShutdownTimeout = 2, 5*time.Second
	s := newStarter()
	keys := map[int32]string{}
	for i := 0; len(keys) < 2; i++ {
		keys[partitionOf(strconv.Itoa(i))] = strconv.Itoa(i)
	}
	err := r.ending(func(b *streams.Builder) {
		streams.MapValues(streams.From(b, streams.NewTopic("in", serde.String, serde.Serde[string](s))), func(v string) string {
			if v == "bad" {
				panic("bad value")
			}
			return v
		}).To(out)
	}, config, func() {
		r.produce("in", keys[0], "wait")
		<-s.waiting
		r.produce("in", keys[1], "bad")
	})
	require.ErrorContains(t, err, "bad value")
	var cut *streams.ShutdownError
	require.NotErrorAs(t, err, &cut)
}

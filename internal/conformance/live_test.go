package conformance

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/kafkatest"
)

// live is a scenario whose topics lie on a broker, for an application that runs there.
type live struct {
	*Scenario
	brokers []string
	app     string // id of the application, and prefix of all topics
	sources []string
	inputs  map[string]topic
	outputs []string // of the scenario, sorted

	client  *kgo.Client
	admin   *kadm.Client
	reader  *kgo.Client      // of the outputs
	read    map[string]int64 // offset up to which each output was read
	piped   int              // records to the topics of global tables
	entered atomic.Int64     // of them
}

// enteredHeader numbers the records of global tables: no offset tells that an application has entered one.
const enteredHeader = "conformance-piped"

// patience is how long a step may take. Without an end, a result that never comes would not be told.
const patience = 2 * time.Minute

// patient is a context for a step.
func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, patience, fmt.Errorf("no answer within %v", patience))
}

func (s *Scenario) onTopics(app string) surroundings {
	return surroundings{topic: func(name string) string { return app + "." + name }}
}

// newLive creates the topics of a scenario, which end with the test.
func newLive(t *testing.T, s *Scenario, brokers []string) *live {
	l := &live{Scenario: s, brokers: brokers, app: kafkatest.Name(s.Name), read: map[string]int64{}}
	b, topo, err := s.build(s.onTopics(l.app))
	require.NoError(t, err)
	topo, err = topo.WithApp(l.app)
	require.NoError(t, err)
	l.sources, l.inputs = (*graph.Topology)(topo).SourceTopics(), b.inputs
	for _, input := range b.inputs {
		kafkatest.CreateTopic(t, brokers, input.Name(), 1)
	}
	for name, output := range b.outputs {
		kafkatest.CreateTopic(t, brokers, output.Name(), 1)
		l.outputs = append(l.outputs, name)
	}
	slices.Sort(l.outputs)
	l.client = newClient(t, kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0))
	l.admin = kadm.NewClient(l.client)
	from := map[string]map[int32]kgo.Offset{}
	for _, name := range l.outputs {
		from[l.topicOf(name)] = map[int32]kgo.Offset{0: kgo.NewOffset().AtStart()}
	}
	l.reader = newClient(t, kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(from), kgo.KeepControlRecords(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	t.Cleanup(func() { l.deleteTopics(t) })
	return l
}

func newClient(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(opts...)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// deleteTopics spares the broker some hundreds of them.
func (l *live) deleteTopics(t *testing.T) {
	ctx, cancel := patient(context.Background())
	defer cancel()
	all, err := l.admin.ListTopics(ctx)
	require.NoError(t, err)
	own := slices.DeleteFunc(all.Names(), func(name string) bool {
		return len(name) < len(l.app) || name[:len(l.app)] != l.app
	})
	_, err = l.admin.DeleteTopics(ctx, own...)
	require.NoError(t, err)
}

// topicOf is the broker's name of a topic.
func (l *live) topicOf(name string) string { return l.onTopics(l.app).topic(name) }

// step pipes a record and gives its results. Between the two it lets meanwhile happen.
func (l *live) step(ctx context.Context, step Step, meanwhile func()) ([]Result, error) {
	ctx, cancel := patient(ctx)
	defer cancel()
	if err := l.pipe(ctx, step.Pipe); err != nil {
		return nil, err
	}
	meanwhile()
	if err := l.rest(ctx); err != nil {
		return nil, err
	}
	return l.results(ctx)
}

// enter notes a record that a global table enters.
func (l *live) enter(number string) error {
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil {
		l.entered.Store(max(n, l.entered.Load()))
	}
	return err
}

// numberOf is the number of a record of a global table.
func numberOf(r record) string {
	for _, h := range r.Headers {
		if h.Key == enteredHeader {
			return string(h.Value)
		}
	}
	return ""
}

// pipe produces the record of a step.
func (l *live) pipe(ctx context.Context, p *Piped) error {
	r := &kgo.Record{Topic: l.topicOf(p.Topic), Key: bytesOf(p.Key), Value: bytesOf(p.Value), Timestamp: time.UnixMilli(p.TS)}
	for _, h := range p.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	if !slices.Contains(l.sources, r.Topic) { // that of a global table
		l.piped++
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: enteredHeader, Value: strconv.AppendInt(nil, int64(l.piped), 10)})
	}
	return l.client.ProduceSync(ctx, r).FirstErr()
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

// rest waits until the application has nothing left to do.
func (l *live) rest(ctx context.Context) error {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	left := "nothing is known yet"
	for {
		now, err := l.left(ctx)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("not at rest, %s: %w", left, context.Cause(ctx))
		case err != nil:
			return err
		case now == "":
			return nil
		}
		left = now
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// left is what the application has still to do; empty: all that it reads, repartition topics included, has been
// committed. The offsets are read before the ends: where they are equal then, there was nothing to do at the moment
// between.
func (l *live) left(ctx context.Context) (string, error) {
	if entered := l.entered.Load(); entered < int64(l.piped) {
		return fmt.Sprintf("%d of %d records of global tables have entered", entered, l.piped), nil
	}
	committed, err := l.admin.FetchOffsets(ctx, l.app)
	if err != nil {
		return err.Error(), nil // a group that is not there yet, or a coordinator that moves
	}
	ends, err := l.admin.ListEndOffsets(ctx, l.sources...)
	if err != nil {
		return "", fmt.Errorf("ends of the inputs: %w", err)
	}
	for _, topic := range l.sources {
		end, ok := ends.Lookup(topic, 0)
		if !ok || end.Err != nil {
			return "topic " + topic + " is not there yet", nil
		}
		if at, _ := committed.Lookup(topic, 0); max(at.At, 0) < end.Offset {
			return fmt.Sprintf("topic %s has offset %d committed, and ends at %d", topic, at.At, end.Offset), nil
		}
	}
	return "", nil
}

// results are the committed outputs since the last call, by topic.
func (l *live) results(ctx context.Context) ([]Result, error) {
	byTopic := map[string][]Result{}
	ends, err := l.admin.ListEndOffsets(ctx, l.brokerTopics(l.outputs)...)
	if err != nil {
		return nil, err
	}
	for !l.readTo(ends) {
		fetches := l.reader.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("outputs do not come: %w", context.Cause(ctx))
		}
		fetches.EachRecord(func(r *kgo.Record) {
			l.read[r.Topic] = r.Offset + 1
			if !r.Attrs.IsControl() {
				byTopic[r.Topic] = append(byTopic[r.Topic], l.result(r))
			}
		})
	}
	results := []Result{}
	for _, name := range l.outputs {
		results = append(results, byTopic[l.topicOf(name)]...)
	}
	return results, nil
}

func (l *live) brokerTopics(names []string) (topics []string) {
	for _, name := range names {
		topics = append(topics, l.topicOf(name))
	}
	return topics
}

func (l *live) readTo(ends kadm.ListedOffsets) bool {
	for _, topic := range l.brokerTopics(l.outputs) {
		if end, _ := ends.Lookup(topic, 0); l.read[topic] < end.Offset {
			return false
		}
	}
	return true
}

func (l *live) result(r *kgo.Record) Result {
	out := Result{
		Topic: r.Topic[len(l.app)+1:], Key: textOf(r.Key), Value: textOf(r.Value), TS: r.Timestamp.UnixMilli(),
	}
	if l.Headers {
		headers := [][2]string{}
		for _, h := range r.Headers {
			headers = append(headers, [2]string{h.Key, string(h.Value)})
		}
		out.Headers = &headers
	}
	return out
}

func textOf(b []byte) *string {
	if b == nil {
		return nil
	}
	return text(string(b))
}

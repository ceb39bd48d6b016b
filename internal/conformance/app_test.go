package conformance

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/streams"
)

// newApp is the application of a scenario. Event times of scenarios lie in 1970: brokers must not delete for that.
func (s *Scenario) newApp(id string, brokers []string, dir string, log *slog.Logger, enter func(record)) (*streams.App, error) {
	at := s.onTopics(id)
	at.enter = enter
	_, topo, err := s.build(at)
	if err != nil {
		return nil, err
	}
	return streams.New(topo, streams.Config{
		AppID: id, Brokers: brokers, StateDir: dir, CommitInterval: 5 * time.Millisecond, MemoryBytes: 16 << 20,
		WindowRetention: 100 * 365 * 24 * time.Hour, Logger: log,
	})
}

// runApp gives the answers of an App in this process.
func (l *live) runApp(t *testing.T) *Answer {
	log := &syncBuffer{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	app, err := l.newApp(l.app, l.brokers, t.TempDir(), slog.New(slog.NewTextHandler(log, nil)), func(r record) {
		if err := l.enter(numberOf(r)); err != nil {
			panic(err)
		}
	})
	require.NoError(t, err)
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	running, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	// Ends with the test, or with the application, which cancels ctx then.
	go func() {
		err := app.Run(running)
		end(fmt.Errorf("the application has ended: %w", err))
		ended <- err
	}()
	answer := &Answer{}
	for i, step := range l.Steps {
		results, err := l.step(ctx, step, func() {})
		require.NoError(t, err, "step %d", i+1)
		answer.Steps = append(answer.Steps, results)
	}
	stop()
	require.NoError(t, <-ended)
	for _, n := range app.Dropped() {
		answer.Dropped += n
	}
	return answer
}

// syncBuffer is written by many goroutines.
type syncBuffer struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.String()
}

func requireAnswers(t *testing.T, sample []*Scenario, brokers []string) {
	for _, s := range sample {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			l := newLive(t, s, brokers)
			require.NoError(t, s.Compare(l.runApp(t)))
		})
	}
}

func fakeBrokers(t *testing.T) []string {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	return fake.ListenAddrs()
}

// TestScenariosInAnApp runs a sample with every operator through an App, on a broker within the process.
func TestScenariosInAnApp(t *testing.T) {
	requireAnswers(t, sampled(t, operatorsOf), fakeBrokers(t))
}

// TestScenariosOnKafka runs a sample with every operator in each of its forms through an App on a real Kafka.
func TestScenariosOnKafka(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	requireAnswers(t, sampled(t, detailsOf), brokers)
}

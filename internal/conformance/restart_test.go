package conformance

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/kafkatest"
)

// restarts runs a scenario through an application that is stopped or killed every few steps, at rest or at work, and
// started again, half of the times without its state.
type restarts struct {
	*live
	t      *testing.T
	dir    string
	random *rand.Rand
	log    *syncBuffer
	ctx    context.Context
	end    context.CancelCauseFunc
	app    *instance
	done   map[string]int
}

func (l *live) runRestarted(t *testing.T, seed uint64) *Answer {
	r := &restarts{
		live: l, t: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1)), log: &syncBuffer{}, done: map[string]int{},
	}
	r.ctx, r.end = context.WithCancelCause(context.Background())
	t.Cleanup(func() {
		r.end(nil)
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	r.start()
	answer := &Answer{}
	for i, step := range l.Steps {
		results, err := l.step(r.ctx, step, func() {
			if r.random.IntN(4) == 0 {
				time.Sleep(time.Duration(r.random.IntN(20)) * time.Millisecond) // into the work of the step
				r.restart("at work")
			}
		})
		require.NoError(t, err, "step %d", i+1)
		answer.Steps = append(answer.Steps, results)
		if r.random.IntN(4) == 0 {
			r.restart("at rest")
		}
	}
	require.NoError(t, r.app.stop())
	require.NotRegexp(t, wiped, r.log.String(), "state was wiped")
	t.Logf("%v; %d changelogs replayed", r.done, len(replayed.FindAllString(r.log.String(), -1)))
	return answer
}

var (
	wiped    = regexp.MustCompile(`rebuilt|set aside|read again`)
	replayed = regexp.MustCompile(`msg="state restored".* replayed=[1-9]`)
)

func (r *restarts) start() { r.app = r.startInstance(r.t, r.dir, r.log, r.end) }

// restart ends the application in some way and starts it again.
func (r *restarts) restart(when string) {
	what := "stopped"
	if r.random.IntN(3) > 0 {
		what = "killed"
		require.ErrorContains(r.t, r.app.kill(), "killed")
	} else {
		require.NoError(r.t, r.app.stop())
	}
	if r.random.IntN(2) == 0 {
		what += ", state lost"
		r.loseState()
	}
	r.done[when+": "+what]++
	r.start()
}

// loseState leaves the application its identity alone: under another one it would have to wait until the group has
// given up its former self.
func (r *restarts) loseState() {
	entries, err := filepath.Glob(filepath.Join(r.dir, "*", "*"))
	require.NoError(r.t, err)
	for _, e := range entries {
		if filepath.Base(e) != "process-id" {
			require.NoError(r.t, os.RemoveAll(e))
		}
	}
}

func requireAnswersAfterRestarts(t *testing.T, sample []*Scenario, brokers []string) {
	for _, s := range sample {
		s.Dropped = nil // each process counts its own
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			l := newLive(t, s, brokers)
			require.NoError(t, s.Compare(l.runRestarted(t, seed)))
		})
	}
}

// TestScenariosWithRestarts runs a sample with every kind of state through applications that die, on a broker within
// the process.
func TestScenariosWithRestarts(t *testing.T) {
	requireAnswersAfterRestarts(t, sampled(t, statesOf), fakeBrokers(t))
}

// TestScenariosWithRestartsOnKafka does the same on a real Kafka.
func TestScenariosWithRestartsOnKafka(t *testing.T) {
	requireAnswersAfterRestarts(t, sampled(t, statesOf), kafkatest.Brokers(t))
}

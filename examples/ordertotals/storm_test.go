package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
)

// TestStorm does to three processes and three brokers what happens in production, one thing after the other and in
// random order, while orders come in: kills of processes and brokers, deployments, other numbers of workers, processes
// that stand still, directories that are lost. What a reader of committed records sees must equal the totals computed
// from the input. It tells the longest silence of a partition for each kind, beside that of the input: orders are sent by a
// plain client, and where a broker is killed, that is what Kafka itself takes for another leader.
//
// MILLSTREAM_STORM is how long (default: each kind once), MILLSTREAM_STORM_RATE the orders a second (default 2,000),
// MILLSTREAM_STORM_ONLY kinds, separated by commas, MILLSTREAM_SEED a seed, and MILLSTREAM_STORM_LOG a file for the log
// of all processes.
func TestStorm(t *testing.T) {
	s := newStorm(t)
	producer := s.start("-mode", "produce", "-rate", strconv.Itoa(s.rate), "-orders", "1000000000")
	s.settle(time.Now())
	s.blow()
	producer.stop()
	s.heard.stop()
	s.raw.stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	require.NoError(t, waitCaughtUp(ctx, s.cluster, time.Second))
	s.requireRunning()
	for _, app := range s.apps {
		app.stop()
	}
	require.NoError(t, verify(ctx, s.cluster))
	s.report()
}

type storm struct {
	*rig
	random  *rand.Rand
	brokers []*kafkatest.Broker
	apps    []*process
	workers []int
	heard   *silences // of what comes out
	raw     *silences // of the input
	rate    int
	length  time.Duration
	only    string // kinds; none: all
	silent  map[string][]silence
}

// silence is the longest of a partition while one thing happened.
type silence struct{ out, in time.Duration }

const stormPartitions = 4

func newStorm(t *testing.T) *storm {
	brokers := kafkatest.StartThree(t)
	s := &storm{
		rig: newRig(t, brokers[0].Addrs, stormPartitions), brokers: brokers, rate: 2000,
		workers: []int{1, 1, 1}, silent: map[string][]silence{},
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("MILLSTREAM_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("seed %d", seed)
	s.random = rand.New(rand.NewPCG(seed, 1))
	if n, err := strconv.Atoi(os.Getenv("MILLSTREAM_STORM_RATE")); err == nil {
		s.rate = n
	}
	if d, err := time.ParseDuration(os.Getenv("MILLSTREAM_STORM")); err == nil {
		s.length = d
	}
	s.only = os.Getenv("MILLSTREAM_STORM_ONLY")
	t.Cleanup(s.keepLog)
	s.heard, s.raw = s.watch(PerProduct.Name()), s.watch(Orders.Name())
	for i := range s.workers {
		s.apps = append(s.apps, nil)
		s.startAgain(i)
	}
	return s
}

func (s *storm) startAgain(i int) { s.apps[i] = s.startApp(i, "-workers", strconv.Itoa(s.workers[i])) }

// squall is a kind of thing that happens, and how often it does in a round.
type squall struct {
	kind string
	of   int
	do   func(*storm)
}

var squalls = []squall{
	{"kill", 20, (*storm).kill},
	{"lost directory", 2, (*storm).loseDirectory},
	{"deployment", 1, (*storm).deploy},
	{"workers", 1, (*storm).changeWorkers},
	{"frozen", 1, (*storm).freeze},
	{"broker killed", 2, (*storm).killBroker},
}

// blow plays rounds until the time is over, or one of each kind.
func (s *storm) blow() {
	for end := time.Now().Add(s.length); ; {
		for _, q := range s.round() {
			s.play(q)
			if s.length > 0 && time.Now().After(end) {
				return
			}
		}
		if s.length == 0 {
			return
		}
	}
}

func (s *storm) round() (all []squall) {
	for _, q := range squalls {
		if s.only != "" && !slices.Contains(strings.Split(s.only, ","), q.kind) {
			continue
		}
		n := q.of
		if s.length == 0 {
			n = 1
		}
		all = append(all, slices.Repeat([]squall{q}, n)...)
	}
	s.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

const stamp = "2006-01-02T15:04:05.000" // as that of log lines

// play lets one thing happen, waits until all partitions go on, and keeps the longest silence.
func (s *storm) play(q squall) {
	s.heard.take()
	s.raw.take()
	fmt.Fprintf(s.log, "time=%s == %s\n", time.Now().Format(stamp), q.kind)
	q.do(s)
	s.settle(time.Now())
	longest := silence{s.heard.longestOf(), s.raw.longestOf()}
	fmt.Fprintf(s.log, "time=%s == %s: silent for %.2f s, the input for %.2f s\n", time.Now().Format(stamp), q.kind,
		longest.out.Seconds(), longest.in.Seconds())
	s.silent[q.kind] = append(s.silent[q.kind], longest)
}

// settle waits until something came out of each partition after a time, and a moment more. Nobody may end by itself.
func (s *storm) settle(after time.Time) {
	for !s.heard.heardAll(stormPartitions, after) {
		s.requireRunning()
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(time.Second)
	s.requireRunning()
}

func (s *storm) requireRunning() {
	for i, app := range s.apps {
		if !app.runs() {
			require.NoError(s.t, app.err, "process %d ended\n%s", i, app.output())
			require.Fail(s.t, "a process ended", "process %d\n%s", i, app.output())
		}
	}
}

func (s *storm) kill() {
	i := s.random.IntN(len(s.apps))
	s.apps[i].kill()
	s.startAgain(i)
}

func (s *storm) loseDirectory() {
	i := s.random.IntN(len(s.apps))
	s.apps[i].kill()
	require.NoError(s.t, os.RemoveAll(s.stateDir(i)))
	s.startAgain(i)
}

// deploy stops and starts one process after the other, as a rolling update does.
func (s *storm) deploy() {
	for i := range s.apps {
		s.apps[i].stop()
		s.startAgain(i)
		s.settle(time.Now())
	}
}

func (s *storm) changeWorkers() {
	i := s.random.IntN(len(s.apps))
	s.workers[i] = 3 - s.workers[i]
	s.apps[i].stop()
	s.startAgain(i)
}

// freeze is longer than a member may be away, mostly.
func (s *storm) freeze() {
	app := s.apps[s.random.IntN(len(s.apps))]
	app.freeze()
	time.Sleep(5*time.Second + time.Duration(s.random.Int64N(int64(15*time.Second))))
	app.thaw()
}

// killBroker waits until the broker's copies have caught up: only then may the next one die.
func (s *storm) killBroker() {
	b := s.brokers[s.random.IntN(len(s.brokers))]
	b.Kill()
	s.settle(time.Now())
	b.Restart()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs...))
	require.NoError(s.t, err)
	defer client.Close()
	for !inSync(s.t.Context(), kadm.NewClient(client), len(s.brokers)) {
		time.Sleep(200 * time.Millisecond)
	}
}

func inSync(ctx context.Context, admin *kadm.Client, copies int) bool {
	topics, err := admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return false
	}
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			if len(p.ISR) < copies || p.Leader < 0 {
				return false
			}
		}
	}
	return true
}

// report tells for each kind how often it happened, and the longest silences.
func (s *storm) report() {
	var table strings.Builder
	fmt.Fprintf(&table, "%d orders a second; silence of a partition, by what happened:\n", s.rate)
	for _, q := range squalls {
		all := s.silent[q.kind]
		if len(all) == 0 {
			continue
		}
		slices.SortFunc(all, func(a, b silence) int { return cmp.Compare(a.out, b.out) })
		median, longest := all[len(all)/2], all[len(all)-1]
		fmt.Fprintf(&table, "%-16s %4d times, median %6.2f s (input %.2f s), longest %6.2f s (input %.2f s)\n",
			q.kind, len(all), median.out.Seconds(), median.in.Seconds(), longest.out.Seconds(), longest.in.Seconds())
	}
	s.t.Log(table.String())
}

func (s *storm) keepLog() {
	if path := os.Getenv("MILLSTREAM_STORM_LOG"); path != "" {
		require.NoError(s.t, os.WriteFile(path, []byte(s.log.String()), 0o600))
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestKill kills one of two processes again and again, with -9, while orders come in at 10,000 a second, and starts it
// again on its state directory. What a reader of committed records sees must equal the totals computed from the input;
// no state may be wiped.
//
// MILLSTREAM_KILLS is the number of kills (default 4), MILLSTREAM_KILL_EVERY the time between them (default 4s), and
// with MILLSTREAM_LOSE_STATE=1 each killed process loses its state directory.
func TestKill(t *testing.T) {
	k := newKillRun(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	producer := k.start("producer", "-mode", "produce", "-rate", "10000", "-orders", strconv.Itoa(k.orders()))
	gaps := k.watchGaps()
	apps := []*process{k.startApp(0), k.startApp(1)}
	for range k.kills {
		time.Sleep(k.every)
		i := random.IntN(2)
		apps[i].kill()
		if k.loseState {
			require.NoError(t, os.RemoveAll(k.stateDir(i)))
		}
		apps[i] = k.startApp(i)
	}
	require.NoError(t, producer.cmd.Wait(), producer.output())
	longest := gaps()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(t, waitCaughtUp(ctx, k.cluster, time.Second))
	for _, a := range apps {
		a.stop()
	}
	require.NoError(t, verify(ctx, k.cluster))
	k.report(longest)
}

type killRun struct {
	t         *testing.T
	cluster   *broker.Broker
	binary    string
	dir       string
	kills     int
	every     time.Duration
	loseState bool
	log       *safeBuffer // of all app processes
}

func newKillRun(t *testing.T) *killRun {
	broker := kafkatest.Start(t)
	k := &killRun{t: t, dir: t.TempDir(), kills: 4, every: 4 * time.Second, log: &safeBuffer{}}
	if n, err := strconv.Atoi(os.Getenv("MILLSTREAM_KILLS")); err == nil {
		k.kills = n
	}
	if d, err := time.ParseDuration(os.Getenv("MILLSTREAM_KILL_EVERY")); err == nil {
		k.every = d
	}
	k.loseState = os.Getenv("MILLSTREAM_LOSE_STATE") == "1"
	k.binary = filepath.Join(k.dir, "ordertotals")
	out, err := exec.Command("go", "build", "-o", k.binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	k.cluster, err = open(context.Background(), options{brokers: broker.Addrs[0], partitions: 4})
	require.NoError(t, err)
	t.Cleanup(k.cluster.Close)
	return k
}

// orders keep coming until after the last kill.
func (k *killRun) orders() int {
	return int((k.every*time.Duration(k.kills) + 8*time.Second).Seconds()) * 10_000
}

func (k *killRun) stateDir(i int) string { return filepath.Join(k.dir, fmt.Sprintf("state-%d", i)) }

// process is a program that the test started.
type process struct {
	cmd *exec.Cmd
	out *safeBuffer
}

func (k *killRun) start(name string, args ...string) *process {
	p := &process{cmd: exec.Command(k.binary, append(args, "-brokers", k.cluster.Addrs()[0])...), out: &safeBuffer{}}
	p.cmd.Stdout, p.cmd.Stderr = p.out, io.MultiWriter(p.out, k.log)
	require.NoError(k.t, p.cmd.Start(), name)
	k.t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

func (k *killRun) startApp(i int) *process {
	return k.start("app", "-mode", "run", "-state-dir", k.stateDir(i))
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// stop ends a process as a deployment would.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

func (p *process) output() string { return p.out.String() }

// watchGaps reads product totals as they are committed. The returned function ends it and gives, for each partition,
// the longest time without one.
func (k *killRun) watchGaps() func() map[int32]time.Duration {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.cluster.Addrs()...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(PerProduct.Name()), kgo.FetchMaxWait(50*time.Millisecond))
	require.NoError(k.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	longest, last, done := map[int32]time.Duration{}, map[int32]time.Time{}, make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			now := time.Now()
			fetches.EachPartition(func(p kgo.FetchTopicPartition) {
				if before, ok := last[p.Partition]; ok && len(p.Records) > 0 {
					longest[p.Partition] = max(longest[p.Partition], now.Sub(before))
				}
				if len(p.Records) > 0 {
					last[p.Partition] = now
				}
			})
		}
	}()
	return func() map[int32]time.Duration {
		cancel()
		<-done
		return longest
	}
}

var (
	replayed = regexp.MustCompile(`msg="state restored".* replayed=(\d+)`)
	first    = regexp.MustCompile(`msg="first commit".* took=(\S+)`)
	wiped    = regexp.MustCompile(`rebuilt|set aside`)
)

// report tells the figures, and fails if state was wiped.
func (k *killRun) report(gaps map[int32]time.Duration) {
	log := k.log.String()
	most, total := 0, 0
	for _, m := range replayed.FindAllStringSubmatch(log, -1) {
		n, _ := strconv.Atoi(m[1])
		most, total = max(most, n), total+n
	}
	var slowest time.Duration
	for _, m := range first.FindAllStringSubmatch(log, -1) {
		d, _ := time.ParseDuration(m[1])
		slowest = max(slowest, d)
	}
	k.t.Logf("%d kills; longest time without committed output by partition: %v", k.kills, gaps)
	k.t.Logf("records replayed: %d, at most %d for a store; slowest first commit after a start: %v", total, most, slowest)
	if !k.loseState {
		require.NotRegexp(k.t, wiped, log, "state was wiped")
	}
}

// safeBuffer is written by several processes' copiers.
type safeBuffer struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.String()
}

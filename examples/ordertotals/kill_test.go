package main

import (
	"context"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/kafkatest"
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

	producer := k.start("-mode", "produce", "-rate", "10000", "-orders", strconv.Itoa(k.orders()))
	gaps := k.watch(PerProduct.Name())
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
	<-producer.ended
	require.NoError(t, producer.err, producer.output())
	gaps.stop()

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	require.NoError(t, waitCaughtUp(ctx, k.cluster, time.Second))
	for _, a := range apps {
		a.stop()
	}
	require.NoError(t, verify(ctx, k.cluster))
	k.report(gaps.take())
}

type killRun struct {
	*rig
	kills     int
	every     time.Duration
	loseState bool
}

func newKillRun(t *testing.T) *killRun {
	k := &killRun{rig: newRig(t, kafkatest.Start(t).Addrs, 4), kills: 4, every: 4 * time.Second}
	if n, err := strconv.Atoi(os.Getenv("MILLSTREAM_KILLS")); err == nil {
		k.kills = n
	}
	if d, err := time.ParseDuration(os.Getenv("MILLSTREAM_KILL_EVERY")); err == nil {
		k.every = d
	}
	k.loseState = os.Getenv("MILLSTREAM_LOSE_STATE") == "1"
	return k
}

// orders keep coming until after the last kill.
func (k *killRun) orders() int {
	return int((k.every*time.Duration(k.kills) + 8*time.Second).Seconds()) * 10_000
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

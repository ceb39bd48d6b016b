package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheClockKnowsWhenItWasSet, forwards and backwards, and lets pass what keeps it in time.
func TestTheClockKnowsWhenItWasSet(t *testing.T) {
	wall, steady := int64(1_000_000), time.Duration(0)
	c := &clock{source: func() (int64, time.Duration) { return wall, steady }}
	look := func(passed, set int64) (by int64) {
		wall, steady = wall+passed+set, steady+time.Duration(passed)*time.Millisecond
		now, by := c.read()
		require.Equal(t, wall, now)
		return by
	}
	require.Zero(t, look(0, 0))
	require.Zero(t, look(20_000, 0))
	require.Equal(t, int64(-3_600_000), look(10, -3_600_000))
	require.Zero(t, look(10, 0))
	require.Equal(t, int64(7_200_000), look(10, 7_200_000))
	require.Zero(t, look(1000, 1))
}

// TestTheAllowanceFindsWhatALinkTakes, whatever it takes: no transaction lasts as long as its timeout for long.
func TestTheAllowanceFindsWhatALinkTakes(t *testing.T) {
	const timeout = 10 * time.Second
	for _, perSecond := range []int64{8 << 10, 64 << 10, 1 << 20, 1 << 30} {
		a := newAllowance(timeout, true)
		took := func() time.Duration { return time.Duration(a.sent) * time.Second / time.Duration(perSecond) }
		spent := time.Duration(0)
		for range 50 {
			a.sent = a.bytes
			require.True(t, a.exceeded(0))
			if took() > timeout {
				a.acked.Store(perSecond * 10)
				a.failed()
				spent += timeout
				continue
			}
			spent += took()
			a.committed(took())
		}
		a.sent = a.bytes
		require.Less(t, took(), timeout/2, "%d bytes a second", perSecond)
		require.Greater(t, a.bytes, min(perSecond/2, mostBytes/2))
		a.reset()
		a.committed(time.Millisecond)
	}
}

// TestTheAllowanceRecovers after a time in which the brokers took little.
func TestTheAllowanceRecovers(t *testing.T) {
	a := newAllowance(10*time.Second, true)
	for range 20 {
		a.sent = a.bytes
		a.failed()
	}
	require.Equal(t, int64(leastBytes), a.bytes)
	for range 20 {
		a.sent = a.bytes
		a.committed(time.Millisecond)
	}
	require.Equal(t, int64(mostBytes), a.bytes)
	require.False(t, newAllowance(time.Second, false).exceeded(1<<40), "no transaction, no need")
}

// TestThePacerCountsTheTimeOfAStep.
func TestThePacerCountsTheTimeOfAStep(t *testing.T) {
	p := newPacer(4)
	p.begin()
	for !p.Stop.Load() {
		time.Sleep(time.Millisecond)
	}
	require.GreaterOrEqual(t, p.Ticks.Load()-p.began.Load(), int64(ticks))
	p.end()
	p.begin()
	p.interrupt()
	require.True(t, p.Stop.Load())
	p.end()
}

package metamorphic

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Variables of the environment.
const (
	envSeed  = "MILLSTREAM_META_SEED"  // first seed
	envCases = "MILLSTREAM_META_CASES" // number of cases
	envTime  = "MILLSTREAM_META_TIME"  // how long to go on, in place of a number
	envCase  = "MILLSTREAM_META_CASE"  // a file with a case to run in place of random ones
)

// usualCases are what a plain run of the tests takes, from seed 1.
const usualCases = 300

func number(t *testing.T, env string, usual uint64) uint64 {
	text, ok := os.LookupEnv(env)
	if !ok {
		return usual
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, env)
	return n
}

// TestMetamorphic runs random cases: the same ones each time, unless the environment says otherwise.
func TestMetamorphic(t *testing.T) {
	if path, ok := os.LookupEnv(envCase); ok {
		c, err := Load(path)
		require.NoError(t, err)
		require.NoError(t, c.Check(t.TempDir()))
		return
	}
	first, cases := number(t, envSeed, 1), number(t, envCases, usualCases)
	wanted := func(i uint64) bool { return i < cases }
	if text, ok := os.LookupEnv(envTime); ok {
		limit, err := time.ParseDuration(text)
		require.NoError(t, err, envTime)
		start := time.Now()
		wanted = func(uint64) bool { return time.Since(start) < limit }
	}
	t.Logf("cases from seed %d", first)
	var next atomic.Uint64
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		t.Run(fmt.Sprintf("worker %d", w), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for i := next.Add(1) - 1; wanted(i); i = next.Add(1) - 1 {
				check(t, New(first+i), dir)
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d cases", next.Load()-uint64(workers)) }) // each worker asks once too often
}

func check(t *testing.T, c *Case, dir string) {
	failure := c.Check(dir)
	if failure == nil {
		return
	}
	small, failure := c.Shrink(dir, failure)
	t.Errorf("seed %d: %v\nreplay: %s=%d %s=1 go test ./internal/metamorphic -run TestMetamorphic\nsmallest case, "+
		"which %s=FILE runs:\n%s", c.Seed, failure, envSeed, c.Seed, envCases, envCase, small.JSON())
}

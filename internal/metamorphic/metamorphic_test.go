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

// What MILLSTREAM_META_… changes: the first seed, the number of cases, the time to go on for in place of a number, a file
// with a case to run in place of random ones.
const (
	envSeed  = "MILLSTREAM_META_SEED"
	envCases = "MILLSTREAM_META_CASES"
	envTime  = "MILLSTREAM_META_TIME"
	envCase  = "MILLSTREAM_META_CASE"
)

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
	for w := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprintf("worker %d", w), func(t *testing.T) {
			t.Parallel()
			for i := next.Add(1) - 1; wanted(i); i = next.Add(1) - 1 {
				try(t, first+i)
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d cases", next.Load()-uint64(runtime.GOMAXPROCS(0))) })
}

func try(t *testing.T, seed uint64) {
	c := New(seed)
	failure := c.Check(t.TempDir())
	if failure == nil {
		return
	}
	small, failure := c.Shrink(t.TempDir(), failure)
	t.Errorf("seed %d: %v\nreplay: %s=%d %s=1 go test ./internal/metamorphic -run TestMetamorphic\nsmallest case, "+
		"which %s=FILE runs:\n%s", seed, failure, envSeed, seed, envCases, envCase, small.JSON())
}

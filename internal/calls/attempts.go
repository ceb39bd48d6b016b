package calls

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// AtOnce makes the attempts of a call without waits between them, on the caller's goroutine: for tests.
func AtOnce(c *graph.Call) (any, error) {
	return attempts(c, func() (any, error) { return shielded(c.Within, c) }, func(time.Duration) error { return nil })
}

// attempts makes attempts until one succeeds, or another one would be of no use, with waits between them.
func attempts(c *graph.Call, attempt func() (any, error), wait func(time.Duration) error) (any, error) {
	for n := 1; ; n++ {
		result, err := attempt()
		if err == nil || n == c.Limits.Attempts || !again(err) {
			return result, after(n, err)
		}
		if waitErr := wait(backoff(c.Limits, n)); waitErr != nil {
			return nil, after(n, err)
		}
	}
}

// again is true for an error that another attempt may not meet.
func again(err error) bool {
	var panicked *task.PanicError
	return !graph.IsPermanent(err) && !errors.Is(err, graph.ErrCallsStuck) && !errors.As(err, &panicked)
}

func after(n int, err error) error {
	if err == nil || n == 1 {
		return err
	}
	return fmt.Errorf("after %d attempts: %w", n, err)
}

// backoff is the wait behind the n-th attempt: half of it is random, so that calls that failed together do not come
// back together.
func backoff(l graph.CallLimits, n int) time.Duration {
	wait := l.Backoff
	for i := 1; i < n && wait < l.MaxBackoff; i++ {
		wait *= 2
	}
	wait = min(wait, l.MaxBackoff)
	return wait/2 + rand.N(wait/2+1)
}

// shielded makes one attempt, and an error of a panic.
func shielded(ctx context.Context, c *graph.Call) (result any, err error) {
	err = task.Shielded(func() (err error) {
		result, err = c.Make(ctx)
		return err
	})
	return result, err
}

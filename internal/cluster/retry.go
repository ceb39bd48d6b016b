package cluster

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// RetryTime is how long a request is repeated before the session gives up and a new one begins.
const RetryTime = 10 * time.Second

// Retry repeats a request that Kafka answers with "not yet".
func Retry(ctx context.Context, request func() error) error {
	deadline := time.Now().Add(RetryTime)
	for wait := 2 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := request()
		if err == nil || !notYet(err) || time.Now().After(deadline) {
			return err
		}
		if err := Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// notYet is true for answers that the same request will not get for long. A commit gets the first two in the middle of
// a rebalance: before the client knows the generation that the group is at, and before the group knows who has what.
func notYet(err error) bool {
	return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) ||
		errors.Is(err, kerr.ConcurrentTransactions) || errors.Is(err, kerr.CoordinatorLoadInProgress) ||
		errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.NotCoordinator) ||
		errors.Is(err, kerr.UnstableOffsetCommit) || errors.Is(err, kerr.UnknownTopicOrPartition)
}

// Sleep waits, or returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func IsAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

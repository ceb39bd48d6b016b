package cluster

import "context"

// gate is a lock that is held over requests: who waits for it waits no longer than its own context lasts, whatever that
// of the one inside. A stop need not wait for a look of the background.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

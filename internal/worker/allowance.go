package worker

import (
	"sync/atomic"
	"time"
)

// How many bytes a transaction may have. The first is small; they grow while commits are quick.
const (
	firstBytes = 256 << 10
	leastBytes = 16 << 10
	mostBytes  = 32 << 20
)

// allowance is how many bytes the worker sends from one commit to the next: what the way to the brokers takes well
// within the transaction timeout. More would be aborted and done again for ever. It outlives sessions.
type allowance struct {
	bytes  int64
	always bool          // exactly once: no transaction may exceed it
	target time.Duration // that a commit should take at most
	sent   int64         // since the last commit
	acked  atomic.Int64  // of that, by the brokers; the client's goroutines count
}

func newAllowance(transactionTimeout time.Duration, exactlyOnce bool) *allowance {
	a := &allowance{bytes: firstBytes, target: transactionTimeout / 4, always: exactlyOnce}
	if !exactlyOnce {
		a.bytes = mostBytes
	}
	return a
}

// exceeded is true if a commit is due, which would send unsent bytes. Without transactions it is only where the way to
// the brokers has been found to be narrow, as the client does not keep more than mostBytes in any case.
func (a *allowance) exceeded(unsent int64) bool {
	return a.sent+unsent >= a.bytes && (a.always || a.bytes < mostBytes)
}

func (a *allowance) reset() {
	a.sent = 0
	a.acked.Store(0)
}

// committed learns from a commit and how long it took.
func (a *allowance) committed(took time.Duration) {
	switch {
	case took > a.target:
		a.limit(int64(float64(a.sent) * float64(a.target) / float64(took) / 2))
	case took < a.target/4 && a.sent >= a.bytes/2:
		a.bytes = min(2*a.bytes, mostBytes)
	}
	a.reset()
}

// failed learns from a session that ended before its commit.
func (a *allowance) failed() {
	if a.sent > 0 {
		a.limit(min(a.acked.Load()/2, a.bytes/4))
	}
	a.reset()
}

func (a *allowance) limit(bytes int64) { a.bytes = max(leastBytes, min(a.bytes, bytes)) }

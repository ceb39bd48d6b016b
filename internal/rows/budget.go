package rows

import "sync/atomic"

// Budget is the memory that the cached rows of all stores of a process may use together.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{limit: bytes} }

// Over is true when more is cached than the budget allows: stores drop clean rows at their next commit, and one with
// dirty rows should commit soon.
func (b *Budget) Over() bool { return b.used.Load() > b.limit }

// Limit is the number of bytes that the budget allows.
func (b *Budget) Limit() int64 { return b.limit }

// Used is the number of bytes cached now.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) add(n int64) { b.used.Add(n) }

package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

const (
	askers   = 16
	askEvery = 20 * time.Millisecond // each of them: 48,000 a minute, if none waits for its answer longer
)

// TestQueriesWhileProcessesAreKilled: a key asked at either of two processes gives the row of the one that has it.
// While one of them is killed and comes back, or stays away until the other has its tasks, or is deployed, and while a
// third comes and goes, each answer is what the orders before its position add up to, or says to ask again.
//
// MILLSTREAM_QUERIES is how long at least (default: each thing happens once); the rate must be 10,000 a minute then.
func TestQueriesWhileProcessesAreKilled(t *testing.T) {
	f := newFleet(t)
	f.requireSameAtEither()
	a := &asking{fleet: f}
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wait sync.WaitGroup
	wait.Go(func() { f.produceOn(ctx) })
	for n := range askers {
		wait.Go(func() { a.askOn(ctx, uint64(n)) })
	}
	a.answered(500)
	for {
		for _, n := range f.random.Perm(len(happenings)) {
			happenings[n](a)
		}
		if time.Since(began) >= f.long {
			break
		}
	}
	took := time.Since(began)
	cancel()
	wait.Wait()
	require.False(t, t.Failed())
	a.report(took)
}

// asking is the questions that are asked meanwhile, and what became of them.
type asking struct {
	*fleet
	right, later, unanswered atomic.Int64
	oldest                   atomic.Int64 // of right answers, in nanoseconds

	kills, deployments, visits int
}

func (a *asking) askOn(ctx context.Context, n uint64) {
	random := rand.New(rand.NewPCG(a.seed, n+1))
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for !a.t.Failed() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		a.askOne(ctx, a.anyone(random), a.question(random))
	}
}

// anyone is one of the processes that are there; one that is being ended is.
func (a *asking) anyone(random *rand.Rand) *running {
	var there []*running
	for i := range a.members {
		if p := a.members[i].Load(); p != nil {
			there = append(there, p)
		}
	}
	return there[random.IntN(len(there))]
}

func (a *asking) askOne(ctx context.Context, p *running, q question) {
	rows, later, err := a.ask(ctx, p, q, false)
	var gone unanswered
	switch {
	case ctx.Err() != nil:
	case errors.As(err, &gone) && p.down.Load():
		a.unanswered.Add(1)
	case !assert.NoError(a.t, err, "%s", q.path()):
	case later:
		a.later.Add(1)
	default:
		age := int64(time.Since(rows.At))
		if assert.NoError(a.t, a.check(q, rows), "%s at %v", q.path(), rows.Position) {
			a.right.Add(1)
		}
		for old := a.oldest.Load(); age > old && !a.oldest.CompareAndSwap(old, age); old = a.oldest.Load() {
		}
	}
}

// question draws one. One in ten wants rows that are as new as what the ledger has.
func (a *asking) question(random *rand.Rand) (q question) {
	switch n := random.IntN(100); {
	case n < 45:
		q = a.ofTotals(random.IntN(customers))
	case n < 70:
		q = a.ofSpells(random.IntN(customers))
	case n < 95:
		q = a.ofProducts(random.IntN(kinds))
	case n < 98:
		return question{store: "totals", topic: a.job.Orders}
	default:
		return question{store: "products", topic: a.job.Ordered}
	}
	if random.IntN(10) == 0 {
		q.least = a.newest(q)
	}
	return q
}

// answered waits until so many more answers were right.
func (a *asking) answered(n int64) {
	for from := a.right.Load(); a.right.Load() < from+n; time.Sleep(5 * time.Millisecond) {
		a.requireWell()
	}
}

// happenings are what may happen to the processes.
var happenings = []func(*asking){(*asking).kill, (*asking).killForLong, (*asking).deploy, (*asking).visit}

func (a *asking) kill() {
	i := a.random.IntN(2)
	a.end(i, (*running).kill)
	a.kills++
	a.answered(100)
	a.start(i)
	a.settle()
	a.answered(300)
}

func (a *asking) killForLong() {
	i := a.random.IntN(2)
	a.end(i, (*running).kill)
	a.kills++
	a.settle()
	a.answered(300)
	a.start(i)
	a.settle()
	a.answered(300)
}

func (a *asking) deploy() {
	i := a.random.IntN(2)
	a.end(i, (*running).stop)
	a.deployments++
	a.settle()
	a.answered(300)
	a.start(i)
	a.settle()
	a.answered(300)
}

// visit lets a third process come and go.
func (a *asking) visit() {
	a.start(2)
	a.visits++
	a.settle()
	a.answered(300)
	a.end(2, (*running).stop)
	a.settle()
	a.answered(300)
}

func (a *asking) report(took time.Duration) {
	right, later, gone := a.right.Load(), a.later.Load(), a.unanswered.Load()
	rate := float64(right+later) / took.Minutes()
	a.t.Logf("%d queries in %.0f s, %.0f a minute: %d right, %d times 503, none wrong; %d more without an answer, as the "+
		"process that was asked ended", right+later, took.Seconds(), rate, right, later, gone)
	a.t.Logf("%d kills, %d deployments, a third process %d times: %d tasks moved; the oldest answer was %v old",
		a.kills, a.deployments, a.visits, a.moves, time.Duration(a.oldest.Load()).Round(time.Millisecond))
	require.Positive(a.t, a.moves)
	if a.long > 0 {
		require.GreaterOrEqual(a.t, rate, 10_000.0)
	}
}

// requireSameAtEither: each of two processes gives the same rows of a key, and the one that does not have the key gives
// none by itself.
func (f *fleet) requireSameAtEither() {
	var all []question
	for n := range customers {
		all = append(all, f.ofTotals(n), f.ofSpells(n))
	}
	for n := range kinds {
		all = append(all, f.ofProducts(n))
	}
	for _, q := range all {
		q.least = f.newest(q)
		owner, other := f.members[f.owners[f.home(q)]].Load(), f.members[1-f.owners[f.home(q)]].Load()
		want := f.requireRows(owner, q)
		require.NoError(f.t, f.check(q, want), q.path())
		got := f.requireRows(other, q)
		require.Equal(f.t, want.Rows, got.Rows, q.path())
		require.Equal(f.t, want.Position, got.Position, q.path())
		_, later, err := f.ask(f.t.Context(), owner, q, true)
		require.NoError(f.t, err)
		require.False(f.t, later, "who has the key must answer: %s", q.path())
		_, later, err = f.ask(f.t.Context(), other, q, true)
		require.NoError(f.t, err)
		require.True(f.t, later, "who does not have the key must not answer by itself: %s", q.path())
	}
}

// newest is a position that has all the ledger has of the partition of a key.
func (f *fleet) newest(q question) streams.Position {
	where := f.home(q)
	return streams.After(where.topic, where.partition, f.ledger.last(where))
}

func (f *fleet) ofTotals(n int) question {
	return question{store: "totals", topic: f.job.Orders, key: customer(n)}
}

func (f *fleet) ofSpells(n int) question {
	return question{store: "spells", topic: f.job.Orders, key: customer(n)}
}

func (f *fleet) ofProducts(n int) question {
	return question{store: "products", topic: f.job.Ordered, key: product(n)}
}

func customer(n int) string { return fmt.Sprint("c-", n) }
func product(n int) string  { return fmt.Sprint("p-", n) }

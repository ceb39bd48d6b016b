package state_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

type (
	seen func(at int64) (more bool, err error)
	put  func(at int64) error
	each func(to int64, fn seen) error
)

// sweeps are the walks in the order of time that show rows to a function. put adds a row at a time; each shows those up
// to a time to a function that is told their times, and takes them out as operators do.
var sweeps = map[string]struct {
	spec storage.Spec
	open func(h *harness) (put, each)
}{
	"window": {storage.Of(hits), func(h *harness) (put, each) {
		s := hits.In(h)
		var see seen
		show := func(row state.WindowRow[string, int64]) (bool, error) { return see(row.Start) }
		return func(at int64) error { return s.Put("a", at, 1, at) },
			func(to int64, fn seen) error {
				see = fn
				return sweeping[state.WindowRow[string, int64]](s).SweepEach(0, to, show)
			}
	}},
	"session": {storage.Of(sessions), func(h *harness) (put, each) {
		s := sessions.In(h)
		var see seen
		show := func(row state.SessionRow[string, []byte]) (bool, error) { return see(row.End) }
		return func(at int64) error { return s.Put("a", at, at, nil, at) },
			func(to int64, fn seen) error {
				see = fn
				return sweeping[state.SessionRow[string, []byte]](s).SweepEach(0, to, show)
			}
	}},
	"buffer": {storage.Of(late), func(h *harness) (put, each) {
		s := late.In(h)
		looks := s.(interface {
			UntilEach(to int64, show func(state.BufferRow[string, int64]) (bool, error)) error
		})
		var see seen
		show := func(row state.BufferRow[string, int64]) (bool, error) {
			return removed(s.Remove(row), see, row.Timestamp)
		}
		return func(at int64) error { return s.Put("a", 1, at) },
			func(to int64, fn seen) error {
				see = fn
				return looks.UntilEach(to, show)
			}
	}},
	"time to live": {storage.Of(mortal), func(h *harness) (put, each) {
		s := mortal.In(h)
		var see seen
		show := func(row state.Row[int64, int64]) (bool, error) {
			return removed(s.Delete(row.Key, row.Timestamp), see, row.Timestamp)
		}
		return func(at int64) error { return s.Put(at, 1, at) },
			func(to int64, fn seen) error {
				see = fn
				return timed(s).UntilEach(to, show)
			}
	}},
	"unmatched": {storage.Of(unmatched), func(h *harness) (put, each) {
		s := unmatched.In(h)
		var see seen
		show := func(row storage.UnmatchedRow[string, []byte, []byte]) (bool, error) {
			return removed(s.Remove(row.Key, row.Timestamp, row.IsLeft), see, row.Timestamp)
		}
		put := func(at int64) error {
			if at%2 == 0 {
				return s.PutLeft("a", nil, at)
			}
			return s.PutRight("a", nil, at)
		}
		return put, func(to int64, fn seen) error {
			see = fn
			return s.DueEach(to+1, to+1, show)
		}
	}},
}

var (
	hits   = state.NewWindow("hits", serde.String, serde.Int64).Retain(keep)
	late   = state.NewBuffer("late", serde.String, serde.Int64).Retain(keep).ByTime()
	mortal = state.NewKeyValue("mortal", serde.Int64, serde.Int64).TTL(time.Second)
)

func removed(err error, seen seen, at int64) (bool, error) {
	if err != nil {
		return false, err
	}
	return seen(at)
}

// TestSweepThatFails: the error of the function comes back as it is, and after Undo the same rows are shown again.
func TestSweepThatFails(t *testing.T) {
	failure := errors.New("not this one")
	for name, sweep := range sweeps {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, sweep.spec, 1<<20)
			put, each := sweep.open(h)
			for at := range int64(10) {
				require.NoError(t, put(at))
			}
			h.commit()
			for range 2 {
				var times []int64
				err := each(7, func(at int64) (bool, error) {
					if times = append(times, at); at == 3 {
						return true, failure
					}
					return true, nil
				})
				require.Same(t, failure, err)
				require.Equal(t, []int64{0, 1, 2, 3}, times)
				h.open.Undo()
			}
			var times []int64
			stop := func(at int64) (bool, error) { times = append(times, at); return at < 4, nil }
			require.NoError(t, each(7, stop))
			require.Equal(t, []int64{0, 1, 2, 3, 4}, times, "ends when it is told to")
			h.open.Undo()
			times = nil
			all := func(at int64) (bool, error) { times = append(times, at); return true, nil }
			require.NoError(t, each(7, all))
			require.Equal(t, []int64{0, 1, 2, 3, 4, 5, 6, 7}, times)
			require.NoError(t, each(7, all))
			times = nil
			require.NoError(t, each(9, all))
			require.Subset(t, times, []int64{8, 9})
		})
	}
}

// TestSweepThatFailsToClose: what the database says when a walk ends is an error of the walk.
func TestSweepThatFailsToClose(t *testing.T) {
	for name, sweep := range sweeps {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, sweep.spec, 1<<20)
			h.engine = failingEngine{store.OpenMemory()}
			h.openStore()
			put, each := sweep.open(h)
			require.NoError(t, put(1))
			require.ErrorIs(t, each(7, func(int64) (bool, error) { return true, nil }), errClose)
		})
	}
}

// TestSweepAllocatesNothing: records of final results, suppress and joins make one each.
func TestSweepAllocatesNothing(t *testing.T) {
	for name, sweep := range sweeps {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, sweep.spec, 64<<20)
			put, each := sweep.open(h)
			at, shown := int64(0), 0
			see := func(int64) (bool, error) { shown++; return true, nil }
			for ; at < 2000; at++ { // rows that are there for the sweep to stop at
				require.NoError(t, put(at))
			}
			to := int64(0)
			allocs := testing.AllocsPerRun(1000, func() {
				to++
				require.NoError(t, each(to, see))
			})
			require.Zero(t, allocs)
			require.Greater(t, shown, 1000)
		})
	}
}

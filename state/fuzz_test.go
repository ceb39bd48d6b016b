package state_test

import (
	"iter"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

var (
	fuzzKeyValue  = state.NewKeyValue("fuzzed", serde.String, serde.Int64)
	fuzzTTL       = fuzzKeyValue.TTL(time.Second)
	fuzzWindow    = state.NewWindow("fuzzed", serde.String, serde.Int64).Retain(keep)
	fuzzByKey     = fuzzWindow.ByKey()
	fuzzSession   = state.NewSession("fuzzed", serde.String, serde.Int64).Retain(keep)
	fuzzBuffer    = state.NewBuffer("fuzzed", serde.String, serde.Int64).Retain(keep)
	fuzzHeld      = state.NewBuffer("fuzzed", serde.String, storage.HeldSerde(serde.Int64)).ByTime().Retain(keep)
	fuzzUnmatched = unmatchedOf("fuzzed", serde.String, serde.Int64, serde.String)
	fuzzVersioned = state.NewVersioned("fuzzed", serde.String, serde.Int64, history*time.Millisecond)
)

// restorable is every kind of store in every layout, with walks over what it has.
var restorable = []struct {
	spec storage.Spec
	read func(h *harness) []error
}{
	{storage.Of(fuzzKeyValue), func(h *harness) []error { return errorsOf(fuzzKeyValue.In(h).All(), fuzzKeyValue.In(h).Reverse()) }},
	{storage.Of(fuzzTTL), func(h *harness) []error {
		s := fuzzTTL.In(h)
		return errorsOf(s.All(), timed(s).Oldest(), timed(s).Expired(), timed(s).Until(7))
	}},
	{storage.Of(fuzzWindow), func(h *harness) []error {
		s := fuzzWindow.In(h)
		sweep := sweeping[state.WindowRow[string, int64]](s).Sweep(0, 7)
		return errorsOf(s.Between(0, math.MaxInt64), sweep, s.Fetch("a", 0, math.MaxInt64))
	}},
	{storage.Of(fuzzByKey), func(h *harness) []error {
		s := fuzzByKey.In(h)
		return errorsOf(s.Between(0, math.MaxInt64), s.Fetch("a", 0, math.MaxInt64), s.FetchReverse("", 0, math.MaxInt64))
	}},
	{storage.Of(fuzzSession), func(h *harness) []error {
		s := fuzzSession.In(h)
		sweep := sweeping[state.SessionRow[string, int64]](s).Sweep(0, 7)
		return errorsOf(s.All(), sweep, s.Find("a", 0, math.MaxInt64), s.FindReverse("", 0, math.MaxInt64))
	}},
	{storage.Of(fuzzBuffer), func(h *harness) []error {
		return errorsOf(fuzzBuffer.In(h).Fetch("a", 0, math.MaxInt64), fuzzBuffer.In(h).Fetch("", 0, math.MaxInt64))
	}},
	{storage.Of(fuzzHeld), func(h *harness) []error { return errorsOf(fuzzHeld.In(h).Until(math.MaxInt64)) }},
	{storage.Of(fuzzUnmatched), func(h *harness) []error { return errorsOf(fuzzUnmatched.In(h).Due(math.MaxInt64, math.MaxInt64)) }},
	{storage.Of(fuzzVersioned), func(h *harness) []error { return errorsOf(fuzzVersioned.In(h).All()) }},
}

func errorsOf[R any](walks ...iter.Seq2[R, error]) (errs []error) {
	for _, walk := range walks {
		for _, err := range walk {
			if err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// FuzzRestore enters whatever may lie in a changelog topic: what cannot be used is an error that names the store, then
// or when it is read.
func FuzzRestore(f *testing.F) {
	f.Fuzz(func(t *testing.T, kind byte, key, value []byte, isDelete bool, timestamp int64) {
		c := restorable[int(kind)%len(restorable)]
		if isDelete {
			value = nil
		} else if value == nil {
			value = []byte{}
		}
		h := newHarness(t, c.spec, 1<<20)
		for _, at := range []int64{timestamp, timestamp / 2} {
			b := h.engine.NewBatch()
			if err := h.open.Restore(b, key, value, at); err != nil {
				require.ErrorContains(t, err, "state: store "+c.spec.Name()+": ")
				return
			}
			require.NoError(t, b.Commit())
		}
		h.open.SetTime(max(timestamp, -1))
		h.open.Mark()
		for range 2 {
			for _, err := range c.read(h) {
				require.ErrorContains(t, err, "state: store "+c.spec.Name()+": ")
			}
			b := h.engine.NewBatch()
			if err := h.open.Flush(b, &h.log); err != nil {
				require.ErrorContains(t, err, "state: store "+c.spec.Name()+": ")
				return
			}
			require.NoError(t, b.Commit())
			h.open.Committed()
		}
	})
}

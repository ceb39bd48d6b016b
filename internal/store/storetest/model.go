package storetest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/store"
)

// testModel compares an engine with a map, through reopening if there is a way to.
func testModel(t *rapid.T, open, reopen func() store.Engine) {
	e, model := open(), map[string]string{}
	key, bound := rapid.StringN(1, 3, -1), rapid.StringN(0, 3, -1)
	for range rapid.IntRange(1, 20).Draw(t, "batches") {
		if reopen != nil && rapid.IntRange(0, 3).Draw(t, "reopen") == 0 {
			require.NoError(t, e.Close())
			e = reopen()
		}
		next := maps.Clone(model)
		b := e.NewBatch()
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			change(t, b, next, key, bound)
		}
		if rapid.Bool().Draw(t, "commit") {
			require.NoError(t, b.Commit())
			model = next
		}
		require.NoError(t, b.Close())
		compare(t, e, model, key, bound)
	}
	require.NoError(t, e.Close())
}

func change(t *rapid.T, b store.Batch, model map[string]string, key, bound *rapid.Generator[string]) {
	k := key.Draw(t, "key")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		require.NoError(t, b.Delete([]byte(k)))
		delete(model, k)
	case 1:
		lower, upper := bound.Draw(t, "lower"), bound.Draw(t, "upper")
		require.NoError(t, b.DeleteRange([]byte(lower), []byte(upper)))
		maps.DeleteFunc(model, func(at, _ string) bool { return at >= lower && at < upper })
	default:
		v := fmt.Sprint(len(model), k)
		require.NoError(t, b.Set([]byte(k), []byte(v)))
		model[k] = v
	}
}

func compare(t *rapid.T, e store.Engine, model map[string]string, key, bound *rapid.Generator[string]) {
	k := key.Draw(t, "probe")
	v, ok := get(t, e, k)
	want, known := model[k]
	require.Equal(t, known, ok)
	require.Equal(t, want, v)
	lower, upper := bound.Draw(t, "scan lower"), bound.Draw(t, "scan upper")
	within := []string{}
	for _, at := range slices.Sorted(maps.Keys(model)) {
		if at >= lower && at < upper {
			within = append(within, at)
		}
	}
	all := append([]string{}, slices.Sorted(maps.Keys(model))...)
	for _, reverse := range []bool{false, true} {
		require.Equal(t, all, scan(t, e, nil, nil, reverse), "reverse: %v", reverse)
		require.Equal(t, within, scan(t, e, []byte(lower), []byte(upper), reverse),
			"%q to %q, reverse: %v", lower, upper, reverse)
		slices.Reverse(all)
		slices.Reverse(within)
	}
}

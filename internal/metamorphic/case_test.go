package metamorphic

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/conformance"
)

func TestACaseIsAFunctionOfItsSeedAndSurvivesItsFile(t *testing.T) {
	for seed := range uint64(50) {
		c := New(seed)
		require.Equal(t, c, New(seed))
		path := filepath.Join(t.TempDir(), "case.json")
		require.NoError(t, os.WriteFile(path, []byte(c.JSON()), 0o600))
		read, err := Load(path)
		require.NoError(t, err)
		require.Equal(t, c.JSON(), read.JSON(), "seed %d", seed)
	}
}

func piped(topic, value string, at int64) conformance.Step {
	return conformance.Step{Pipe: &conformance.Piped{Topic: topic, Value: &value, TS: at}}
}

func TestInputArrivesAsAReplayWouldTakeIt(t *testing.T) {
	nodes := []conformance.Node{
		{Op: "stream", Topic: "a"}, {Op: "stream", Topic: "b", Timestamp: "value"}, {Op: "globalTable", Topic: "g"},
	}
	ms := int64(1)
	wall := conformance.Step{AdvanceMs: &ms}
	require.Equal(t,
		[]conformance.Step{
			piped("g", "", 99), wall, piped("b", "3|", 50), piped("a", "", 5), piped("a", "", 2), piped("b", "5|", 0),
		},
		arrange(nodes, []conformance.Step{
			piped("b", "3|", 50), wall, piped("b", "5|", 0), piped("a", "", 5), piped("a", "", 2), piped("g", "", 99),
		}))
}

func TestPromisesDecideWhatIsCompared(t *testing.T) {
	two := func(first, second string, ts int64) *answer {
		a := &answer{}
		for _, v := range []string{first, second} {
			a.results = append(a.results, conformance.Result{Topic: "out", Value: &v, TS: ts, Headers: &[][2]string{}})
		}
		return a
	}
	for _, test := range []struct {
		promise promise
		got     *answer
		same    bool
	}{
		{exact, two("x", "y", 1), true},
		{exact, two("y", "x", 1), false},
		{exact, two("x", "y", 2), false},
		{bag, two("y", "x", 1), true},
		{bag, two("y", "y", 1), false},
		{final, two("z", "y", 2), true},
		{final, two("y", "x", 1), false},
	} {
		err := compare(map[string]promise{"out": test.promise}, two("x", "y", 1), test.got)
		require.Equal(t, test.same, err == nil, "%v", err)
	}
}

// TestShrink has a check of its own: a case fails if a record with key b passes a count behind a restart.
func TestShrink(t *testing.T) {
	failure := errors.New("as planted")
	check := func(c *Case) error {
		if _, err := c.rules(); err != nil {
			return err
		}
		counted := slices.ContainsFunc(c.Scenario.Topology, func(n conformance.Node) bool { return n.Op == "count" })
		key := slices.ContainsFunc(c.Scenario.Steps, func(s conformance.Step) bool {
			return s.Pipe != nil && s.Pipe.Key != nil && *s.Pipe.Key == "b"
		})
		if counted && key && c.Variation.restarts() {
			return failure
		}
		return nil
	}
	shrunk := 0
	for seed := range uint64(100) {
		c := New(seed)
		if check(c) == nil {
			continue
		}
		shrunk++
		before := c.JSON()
		s := &shrinker{check: check, best: c, failure: failure}
		s.shrink()
		small := s.best
		require.Equal(t, failure, check(small))
		require.Equal(t, before, c.JSON(), "the case itself stays")
		require.Len(t, small.Scenario.Steps, 1)
		require.LessOrEqual(t, len(small.Scenario.Topology), 5, small.JSON()) // from a table, and a source for the key
		require.Len(t, small.Variation.Events, 1)
		small.Variation.Events = nil
		require.Equal(t, plain(1), small.Variation)
	}
	require.NotZero(t, shrunk)
}

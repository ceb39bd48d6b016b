package plants

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plant is a fault that the simulation must find.
type plant struct {
	name    string
	changes []change
	tests   string // of testkit/cluster, in which it can be met
	faults  string // kinds of faults by which it can be met
}

// TestPlantsApply: what plants and guards replace is still there.
func TestPlantsApply(t *testing.T) {
	for _, p := range plants {
		for _, c := range p.changes {
			c.find(t)
		}
	}
	for _, g := range guards {
		for _, c := range g.changes {
			c.find(t)
		}
	}
}

var (
	failed = regexp.MustCompile(`cluster: (\d+) of \d+ seeds fail`)
	played = regexp.MustCompile(`(?m)^=== RUN .*/seed=`)
	first  = regexp.MustCompile(`cluster: seed \d+ \(.*\): .*`)
)

// TestPlants plants one fault after the other, and has the simulation look for it.
func TestPlants(t *testing.T) {
	if os.Getenv("MILLSTREAM_PLANTS") == "" {
		t.Skip("it takes a while: make plants")
	}
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			out, ok := goTest(t, p.changes, []string{"MILLSTREAM_SIM_KEEP=1", "MILLSTREAM_SIM_FAULTS=" + p.faults}, "-tags=synctests", "-timeout=30m", "-v",
				"-run=^("+p.tests+")$", "./testkit/cluster")
			require.False(t, ok, "it was not found")
			found := sum(t, failed, out)
			assert.Positive(t, found, "the simulation ends in another way:\n%s", out)
			t.Logf("found in %d of %d seeds: %s", found, len(played.FindAllString(out, -1)), first.FindString(out))
		})
	}
}

// sum adds up the numbers of all matches.
func sum(t *testing.T, of *regexp.Regexp, in string) (sum int) {
	for _, m := range of.FindAllStringSubmatch(in, -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		sum += n
	}
	return sum
}

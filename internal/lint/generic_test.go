package lint

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the compiler builds for a small topology, and for one with a second value type in a table: functions in the
// object file. Go compiles every method of every generic type that a program so much as names, and what those lead to,
// so that one careless return type can cost each user seconds after each edit. The numbers only shrink; see "Generic
// code is thin" in DESIGN.md.
var genericLimits = map[string]int{"one": 720, "two": 1140, "app": 140}

func TestGenericCodeIsThin(t *testing.T) {
	for program, limit := range genericLimits {
		got := built(t, "./testdata/generic/"+program)
		t.Logf("topology %s: %d functions", program, got)
		require.LessOrEqual(t, got, limit, "topology %s: what names generic types leads to more code than before: "+
			"look at the symbols with go tool nm", program)
		require.Greater(t, got, limit*9/10, "topology %s needs less now: lower its limit", program)
	}
}

// built is the number of functions in the object file of a package.
func built(t *testing.T, path string) (n int) {
	export := run(t, "go", "list", "-export", "-f", "{{.Export}}", path)
	symbols := bufio.NewScanner(bytes.NewReader(run(t, "go", "tool", "nm", strings.TrimSpace(string(export)))))
	symbols.Buffer(nil, 1<<20)
	for symbols.Scan() {
		if f := strings.Fields(symbols.Text()); len(f) > 2 && strings.EqualFold(f[1], "T") {
			n++
		}
	}
	require.NoError(t, symbols.Err())
	return n
}

func run(t *testing.T, name string, args ...string) []byte {
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}

package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fragment = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestReadmeFragments finds each line of the README's fragments in the tests of examples/readme, where it compiles and
// runs.
func TestReadmeFragments(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	tests, err := os.ReadFile(filepath.Join(root, "examples/readme/readme_test.go"))
	require.NoError(t, err)
	compiled := map[string]bool{}
	for _, line := range strings.Split(string(tests), "\n") {
		compiled[strings.TrimSpace(line)] = true
	}
	fragments := fragment.FindAllStringSubmatch(string(readme), -1)
	require.NotEmpty(t, fragments)
	for _, f := range fragments {
		for _, line := range strings.Split(f[1], "\n") {
			require.True(t, compiled[strings.TrimSpace(line)], "not in examples/readme: %s", line)
		}
	}
}

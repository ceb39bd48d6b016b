package conformance

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runnable is the number of shared scenarios whose operators all exist. It only ever rises.
const runnable = 377

// TestScenarios runs every scenario of testdata, or of the folder that MILLSTREAM_CONFORMANCE names.
func TestScenarios(t *testing.T) {
	dir, named := os.LookupEnv("MILLSTREAM_CONFORMANCE")
	if !named {
		dir = "testdata"
	}
	ran, missing := 0, map[string]int{}
	for _, path := range scenarios(t, dir) {
		s, err := Load(path)
		require.NoError(t, err)
		answer, err := s.Run()
		var op *MissingOperator
		if errors.As(err, &op) {
			missing[op.Op]++
			continue
		}
		ran++
		t.Run(s.Name, func(t *testing.T) {
			require.NoError(t, err)
			require.NoError(t, s.Compare(answer))
		})
	}
	t.Logf("%d scenarios ran", ran)
	for _, op := range slices.Sorted(maps.Keys(missing)) {
		t.Logf("%d scenarios did not, for want of: %s", missing[op], op)
	}
	if !named {
		require.GreaterOrEqual(t, ran, runnable, "scenarios that ran before do not any more")
	}
}

func scenarios(t *testing.T, dir string) (paths []string) {
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".json") {
			paths = append(paths, path)
		}
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

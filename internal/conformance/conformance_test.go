package conformance

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shared is the number of scenarios in testdata.
const shared = 420

// TestScenarios runs every scenario of testdata, or of the folder that MILLSTREAM_CONFORMANCE names.
func TestScenarios(t *testing.T) {
	dir, named := os.LookupEnv("MILLSTREAM_CONFORMANCE")
	if !named {
		dir = "testdata"
	}
	paths := scenarios(t, dir)
	if !named {
		require.Len(t, paths, shared)
	}
	for _, path := range paths {
		s, err := Load(path)
		require.NoError(t, err)
		t.Run(s.Name, func(t *testing.T) {
			answer, err := s.Run()
			require.NoError(t, err)
			require.NoError(t, s.Compare(answer))
		})
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

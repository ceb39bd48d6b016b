package plants

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// change puts something in the place of a piece of source, which is once in the files of a directory. A piece that ends
// with a brace is the head of a function or a block: what is put there comes behind it.
type change struct {
	dir, piece, instead string
}

// behind is a change that puts something behind a piece.
func behind(dir, piece, more string) change { return change{dir, piece, piece + more} }

// find is the file of a change, with its text.
func (c change) find(t *testing.T) (path, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(c.dir), "*.go"))
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		if n := strings.Count(string(b), c.piece); n > 0 {
			found, path, text = found+n, file, string(b)
		}
	}
	assert.Equal(t, 1, found, "in %s: what a plant replaces must be there once; give it what is there now:\n%s",
		c.dir, c.piece)
	return path, text
}

// overlay is the argument of the go command that compiles some changes.
func overlay(t *testing.T, changes []change) string {
	t.Helper()
	dir := t.TempDir()
	texts := map[string]string{}
	for _, c := range changes {
		path, text := c.find(t)
		if changed, ok := texts[path]; ok {
			text = changed
		}
		texts[path] = strings.Replace(text, c.piece, c.instead, 1)
	}
	replace := map[string]string{}
	for path, text := range texts {
		absolute, err := filepath.Abs(path)
		require.NoError(t, err)
		replace[absolute] = filepath.Join(dir, filepath.Base(path))
		require.NoError(t, os.WriteFile(replace[absolute], []byte(text), 0o600))
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	return "-overlay=" + file
}

// goTest runs tests with changes. It gives what they print, and whether they pass.
func goTest(t *testing.T, changes []change, env []string, args ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"test", overlay(t, changes), "-count=1"}, args...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	b, err := cmd.CombinedOutput()
	require.NotContains(t, string(b), "[build failed]", "%s", b)
	return string(b), err == nil
}

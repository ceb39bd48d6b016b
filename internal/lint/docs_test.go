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
	fragments := fragment.FindAllStringSubmatch(text(t, "README.md"), -1)
	require.NotEmpty(t, fragments)
	requireCompiled(t, fragments, "examples/readme")
}

// TestDocsFragments finds those of the pages in docs in the tests of examples/docs.
func TestDocsFragments(t *testing.T) {
	for _, page := range pages(t) {
		requireCompiled(t, fragment.FindAllStringSubmatch(text(t, page), -1), "examples/docs")
	}
}

func requireCompiled(t *testing.T, fragments [][]string, dir string) {
	compiled := map[string]bool{}
	for _, f := range files(t) {
		if f.dir == packageOf(dir) && strings.HasPrefix(f.path, dir+"/") && strings.HasSuffix(f.path, ".go") {
			for line := range strings.Lines(f.text) {
				compiled[strings.TrimSpace(line)] = true
			}
		}
	}
	for _, f := range fragments {
		for line := range strings.Lines(f[1]) {
			require.True(t, compiled[strings.TrimSpace(line)], "not in %s: %s", dir, line)
		}
	}
}

// pages are the paths of the pages in docs.
func pages(t *testing.T) []string {
	found, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for i := range found {
		found[i] = "docs/" + filepath.Base(found[i])
	}
	return found
}

func text(t *testing.T, path string) string {
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(b)
}

// named is a name of the API as a page writes it: of another package than streams with that before it, a method behind
// its type. Java's methods begin with a small letter.
var named = regexp.MustCompile(
	"`(?:(serde|window|state|topology|testkit)\\.)?([A-Z]\\w*)(?:\\.([A-Z]\\w*))?`")

// TestDocsNameWhatThereIs looks the names in the second column of the tables of docs/kafka-streams.md up in the
// listings of the API, so that the page does not fall behind it.
func TestDocsNameWhatThereIs(t *testing.T) {
	exported := map[string]bool{}
	for _, pkg := range []string{"serde", "window", "state", "topology", "testkit", "streams"} {
		addExported(exported, pkg, text(t, "internal/lint/testdata/api/"+pkg+".txt"))
	}
	for line := range strings.Lines(text(t, "docs/kafka-streams.md")) {
		cells := strings.Split(line, " | ")
		if len(cells) < 2 {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(cells[1], -1) {
			name := strings.Join(m[1:3], ".")
			if m[1] == "" {
				name = "streams." + m[2]
			}
			if m[3] != "" {
				name += "." + m[3]
			}
			known := exported[name] || m[1] == "" && m[3] == "" && exported["."+m[2]]
			require.True(t, known, "docs/kafka-streams.md names %s, which does not exist: %s", name, line)
		}
	}
}

var (
	declared = regexp.MustCompile(`^(?:func|type|const|var) (\w+)`)
	member   = regexp.MustCompile(`^\t(\w+)`)
)

// addExported enters the names of a listing: package.Name, package.Type.Member, and .Member alone.
func addExported(exported map[string]bool, pkg, listing string) {
	name := ""
	for line := range strings.Lines(listing) {
		if m := declared.FindStringSubmatch(line); m != nil {
			name = pkg + "." + m[1]
			exported[name] = true
		} else if m := member.FindStringSubmatch(line); m != nil {
			exported[name+"."+m[1]], exported["."+m[1]] = true, true
		}
	}
}

var namedTest = regexp.MustCompile("`(Test[A-Za-z0-9]+)`")

// TestNamedTestsExist: a page that names a test names one that is there.
func TestNamedTestsExist(t *testing.T) {
	var all strings.Builder
	for _, f := range files(t) {
		if strings.HasSuffix(f.path, "_test.go") {
			all.WriteString(f.text)
		}
	}
	for _, page := range pages(t) {
		for _, m := range namedTest.FindAllStringSubmatch(text(t, page), -1) {
			require.Contains(t, all.String(), "func "+m[1]+"(t *testing.T) {", "%s names %s", page, m[1])
		}
	}
}

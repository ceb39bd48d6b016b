package lint

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/millstream-go/millstream"
)

// Files that begin with newer need a later Go than the module does, whose parser does not know their syntax.
const (
	newer    = "//go:build " + newerTag + "\n"
	newerTag = "go1.27"
)

// generated directories are ignored by git; nothing in them is the project's.
var generated = []string{".git", ".kafka", ".tools", "millstream-state"}

// file is one file of the project.
type file struct {
	path string // from the root, with slashes
	dir  string // the folder: of Go files the package, as the tables of rules name it
	text string
}

// files are all files of the project but binary ones.
func files(t *testing.T) (all []file) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(generated, d.Name()):
			return filepath.SkipDir
		case d.IsDir() && path != root && isModule(path):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(content), "\x00") {
			return err
		}
		path, err = filepath.Rel(root, path)
		path = filepath.ToSlash(path)
		all = append(all, file{path: path, dir: packageOf(filepath.ToSlash(filepath.Dir(path))), text: string(content)})
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

// isModule is true for a directory with a module of its own, which the packages here do not see.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// packageOf takes all examples for one package, but for what they share; the topologies that are compiled to count
// their functions are examples, too.
func packageOf(dir string) string {
	if strings.HasPrefix(dir, "internal/lint/testdata/generic/") {
		return "examples"
	}
	if strings.HasPrefix(dir, "examples/") && dir != "examples/internal/demo" {
		return "examples"
	}
	return dir
}

// source is a Go file that is not a test.
type source struct {
	file
	fset *token.FileSet
	tree *ast.File
}

func sources(t *testing.T) (all []source) {
	for _, f := range files(t) {
		if !strings.HasSuffix(f.path, ".go") || strings.HasSuffix(f.path, "_test.go") || f.dir == "internal/lint" {
			continue
		}
		if strings.HasPrefix(f.text, newer) && !slices.Contains(build.Default.ReleaseTags, newerTag) {
			continue
		}
		s := source{file: f, fset: token.NewFileSet()}
		var err error
		s.tree, err = parser.ParseFile(s.fset, f.path, f.text, parser.ParseComments)
		require.NoError(t, err)
		all = append(all, s)
	}
	return all
}

func (s source) imports() (paths []string) {
	for _, spec := range s.tree.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(err) // the parser has checked it
		}
		paths = append(paths, path)
	}
	return paths
}

// public packages are those that users import.
func (s source) public() bool {
	return s.dir != "examples" && !strings.Contains("/"+s.dir+"/", "/internal/")
}

func (s source) position(n ast.Node) token.Position { return s.fset.Position(n.Pos()) }

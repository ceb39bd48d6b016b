package lint

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/millstream-go/millstream/"
)

// levels: a package imports only packages of lower levels.
var levels = map[string]int{
	"internal/store": 0, "internal/assign": 0, "internal/invariants": 0,
	"serde": 1, "window": 2, "state": 3, "topology": 4, "internal/wire": 5,
	"internal/operator": 6, "internal/task": 6,
	"internal/worker": 7, "streams": 8, "testkit": 9,
	"internal/kafkatest": 9, "internal/store/storetest": 9, "state/statetest": 10,
	"internal/conformance": 10, "internal/bench": 10, "internal/conformance/run": 11, "examples": 11,
}

// owners are the only packages that import a library.
var owners = map[string][]string{
	"github.com/vmihailenco/msgpack":     {"serde"},
	"github.com/cockroachdb/pebble":      {"internal/store"},
	"github.com/twmb/franz-go/pkg/kfake": {"examples"},
	"github.com/twmb/franz-go":           {"internal/worker", "streams", "testkit", "internal/bench", "internal/kafkatest", "examples"},
	"github.com/twmb/murmur3":            {"internal/wire"},
	"github.com/stretchr/testify":        {"internal/store/storetest", "state/statetest"},
	"pgregory.net/rapid":                 {"internal/store/storetest", "state/statetest"},
}

// pure packages have no goroutine, no clock and no channel.
var pure = []string{"internal/operator", "internal/task", "state", "window", "topology"}

type file struct {
	path string // from the root
	dir  string // package, as in levels
	test bool
	fset *token.FileSet
	ast  *ast.File
	text string
}

func sources(t *testing.T) (files []file) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 {
			return errOrSkip(err)
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f := file{fset: token.NewFileSet(), text: string(content), test: strings.HasSuffix(path, "_test.go")}
		f.path, _ = filepath.Rel(root, path)
		f.path = filepath.ToSlash(f.path)
		if f.dir = filepath.ToSlash(filepath.Dir(f.path)); strings.HasPrefix(f.dir, "examples/") {
			f.dir = "examples"
		}
		f.ast, err = parser.ParseFile(f.fset, path, content, parser.ParseComments)
		files = append(files, f)
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func errOrSkip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

func (f file) imports() (paths []string) {
	for _, spec := range f.ast.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

func TestImportsPointDown(t *testing.T) {
	for _, f := range sources(t) {
		level, known := levels[f.dir]
		if f.test || f.dir == "internal/lint" {
			continue
		}
		require.True(t, known, "%s: package %s has no level: enter it in levels", f.path, f.dir)
		for _, path := range f.imports() {
			own, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			require.Less(t, levels[own], level, "%s imports %s, which is not below it", f.path, own)
		}
	}
}

func TestOneOwnerPerLibrary(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || f.dir == "internal/lint" {
			continue
		}
		for _, path := range f.imports() {
			library := ""
			for prefix := range owners {
				if strings.HasPrefix(path, prefix) && len(prefix) > len(library) {
					library = prefix
				}
			}
			if library != "" {
				require.Contains(t, owners[library], f.dir, "%s imports %s", f.path, path)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || !slices.Contains(pure, f.dir) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			where := func() string { return fmt.Sprintf("%s:%d", f.path, f.fset.Position(n.Pos()).Line) }
			switch n := n.(type) {
			case *ast.GoStmt:
				require.Fail(t, "a goroutine in a pure package", where())
			case *ast.ChanType:
				require.Fail(t, "a channel in a pure package", where())
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" {
					require.NotContains(t, []string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker"}, n.Sel.Name, where())
				}
			}
			return true
		})
	}
}

const (
	longestFile     = 500
	longestFunction = 70
	longestLine     = 140
)

func TestSizes(t *testing.T) {
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		require.LessOrEqual(t, strings.Count(f.text, "\n"), longestFile, "%s is too long", f.path)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncDecl); ok {
				lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line
				require.LessOrEqual(t, lines, longestFunction, "%s: %s is too long", f.path, fn.Name.Name)
			}
			return true
		})
		for i, line := range strings.Split(f.text, "\n") {
			require.LessOrEqual(t, len(line), longestLine, "%s:%d is too long", f.path, i+1)
		}
	}
}

func TestExportedThingsAreDocumented(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.dir, "internal/") || f.dir == "examples" {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.IsExported() && exportedReceiver(fn) && fn.Name.Name != "Error" {
				require.NotEmpty(t, fn.Doc.Text(), "%s: %s has no comment", f.path, fn.Name.Name)
			}
		}
	}
}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	var name string
	ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}

// unwanted is what no tracked file holds: paths of a machine, unfinished work.
var unwanted = regexp.MustCompile(`(^|[^a-zA-Z.])/(work|root|farm)/|/tmp/bash|TODO|FIXME`)

func TestNoUnwantedText(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == ".git" || n == ".kafka" || n == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || bytes.IndexByte(content, 0) >= 0 {
			return err
		}
		if strings.HasSuffix(path, "lint_test.go") {
			return nil // it names what it forbids
		}
		for s, n := bufio.NewScanner(bytes.NewReader(content)), 1; s.Scan(); n++ {
			require.NotRegexp(t, unwanted, s.Text(), "%s:%d", path, n)
		}
		return nil
	})
	require.NoError(t, err)
}

var update = flag.Bool("update", false, "write the golden files of the public API anew")

// TestPublicAPI compares the exported declarations with files, so that a change of the API is seen. -update writes them anew.
func TestPublicAPI(t *testing.T) {
	api := map[string][]string{}
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.dir, "internal/") || f.dir == "examples" {
			continue
		}
		api[f.dir] = append(api[f.dir], exported(f)...)
	}
	for dir, lines := range api {
		slices.Sort(lines)
		got := strings.Join(lines, "\n") + "\n"
		path := filepath.Join("testdata", strings.ReplaceAll(dir, "/", "-")+".txt")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "the API of %s has changed: go test ./internal/lint -update", dir)
	}
}

// exported are the exported functions, types and values of a file, a line each.
func exported(f file) (lines []string) {
	show := func(node any) string {
		var b bytes.Buffer
		printer.Fprint(&b, f.fset, node)
		return strings.Join(strings.Fields(b.String()), " ")
	}
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) {
				signature := *d
				signature.Body, signature.Doc = nil, nil
				lines = append(lines, show(&signature))
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() {
						lines = append(lines, "type "+spec.Name.Name)
					}
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if name.IsExported() {
							lines = append(lines, d.Tok.String()+" "+name.Name)
						}
					}
				}
			}
		}
	}
	return lines
}

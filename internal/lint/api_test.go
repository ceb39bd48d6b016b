package lint

import (
	"bytes"
	"flag"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the listings of the public API anew")

// TestPublicAPI compares what each public package exports with a listing, so that no change of the API goes unseen.
// With -update the listings are written anew: commit only differences that are meant.
func TestPublicAPI(t *testing.T) {
	dirs := publicPackages(t)
	load := importer.ForCompiler(token.NewFileSet(), "gc", compiled(t, importPaths(dirs)...))
	for _, dir := range dirs {
		pkg, err := load.Import(module + "/" + dir)
		require.NoError(t, err)
		got := strings.Join(listing(pkg), "\n") + "\n"
		path := filepath.Join("testdata", "api", strings.ReplaceAll(dir, "/", "-")+".txt")
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "a new package: go test ./internal/lint -update")
		require.Equal(t, string(want), got, "the API of %s is another: go test ./internal/lint -update", dir)
	}
}

func publicPackages(t *testing.T) (dirs []string) {
	for _, s := range sources(t) {
		if s.public() && s.tree.Name.Name != "main" {
			dirs = append(dirs, s.dir)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func importPaths(dirs []string) (paths []string) {
	for _, dir := range dirs {
		paths = append(paths, module+"/"+dir)
	}
	return paths
}

// compiled opens what the compiler wrote about a package, for some packages and all that they need.
func compiled(t *testing.T, packages ...string) importer.Lookup {
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	list := exec.Command("go", append(args, packages...)...)
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	require.NoError(t, err, stderr.String())
	paths := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, export, _ := strings.Cut(strings.TrimSpace(line), " ")
		paths[name] = export
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(paths[path]) }
}

// listing is what a package exports, in alphabetical order: an entry for each function, value and type, and one for
// each exported field and method of a type.
func listing(pkg *types.Package) (lines []string) {
	for _, name := range pkg.Scope().Names() {
		o := pkg.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		tn, isType := o.(*types.TypeName)
		if !isType {
			lines = append(lines, types.ObjectString(o, shortNames(pkg)))
			continue
		}
		lines = append(lines, declaration(tn)+kind(tn))
		lines = append(lines, members(tn)...)
	}
	return lines
}

// shortNames gives packages the names that users write.
func shortNames(home *types.Package) types.Qualifier {
	return func(p *types.Package) string {
		if p == home {
			return ""
		}
		return p.Name()
	}
}

// declaration is a type's name with its parameters.
func declaration(tn *types.TypeName) string {
	generic, ok := tn.Type().(interface{ TypeParams() *types.TypeParamList })
	if !ok || generic.TypeParams().Len() == 0 {
		return "type " + tn.Name()
	}
	var params []string
	for p := range generic.TypeParams().TypeParams() {
		params = append(params, p.Obj().Name()+" "+types.TypeString(p.Constraint(), shortNames(tn.Pkg())))
	}
	return fmt.Sprintf("type %s[%s]", tn.Name(), strings.Join(params, ", "))
}

// kind is the rest of a declaration, but for the members.
func kind(tn *types.TypeName) string {
	if alias, ok := tn.Type().(*types.Alias); ok {
		return " = " + types.TypeString(alias.Rhs(), shortNames(tn.Pkg()))
	}
	switch under := tn.Type().Underlying().(type) {
	case *types.Struct:
		return " struct"
	case *types.Interface:
		return " interface"
	default:
		return " " + types.TypeString(under, shortNames(tn.Pkg()))
	}
}

// members are the exported fields, and the exported methods, also promoted ones. An alias of a type that users cannot
// name has those of what it stands for.
func members(tn *types.TypeName) (lines []string) {
	named, ok := types.Unalias(tn.Type()).(*types.Named)
	if !ok || tn.IsAlias() && !strings.Contains(named.Obj().Pkg().Path(), "/internal/") {
		return nil
	}
	if s, ok := named.Underlying().(*types.Struct); ok {
		for f := range s.Fields() {
			if f.Exported() {
				lines = append(lines, "\t"+f.Name()+" "+types.TypeString(f.Type(), shortNames(tn.Pkg())))
			}
		}
	}
	methods := types.NewMethodSet(named)
	if !types.IsInterface(named) {
		methods = types.NewMethodSet(types.NewPointer(named))
	}
	for m := range methods.Methods() {
		if m.Obj().Exported() && !isGeneric(m.Obj()) {
			signature := types.TypeString(m.Type(), shortNames(tn.Pkg()))
			lines = append(lines, "\t"+m.Obj().Name()+strings.TrimPrefix(signature, "func"))
		}
	}
	return lines
}

// isGeneric is true for methods with type parameters, which Go has from 1.27 on: TestStepsAreMethods has those.
func isGeneric(o types.Object) bool { return o.(*types.Func).Signature().TypeParams().Len() > 0 }

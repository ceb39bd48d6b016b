package lint

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exempt are exported functions of package streams that are no steps of a topology, by receiver and name.
var exempt = map[string]bool{
	"New": true, "App.Run": true, "App.State": true, "App.Dropped": true, // an App needs Kafka: see examples
	"Commit.Took": true, "Restore.Rate": true, "Restore.Remaining": true, // an App tells them
	"App.Snapshot": true, "Snapshot.Late": true, "TaskStatus.Behind": true, "TaskStatus.Lag": true, // the same
	"App.View": true, "App.Owner": true, "App.Store": true, "App.Topology": true, "View.At": true, "View.Close": true,
	"View.StreamTime": true, "App.Instances": true, "State.UnmarshalText": true, "Metric.ReadHistograms": true,
	"View.Position": true, "View.Store": true, "Position.Reaches": true, "After": true, "AtLeast": true,
	"AtMostOld": true, "InPartition": true, "OfKey": true, "OfKeyBytes": true,
	"StaleError.Error": true, "StaleError.Unwrap": true, "UnavailableError.Error": true, "UnavailableError.Unwrap": true, // an App answers them: docs/queries.md
	"State.MarshalText": true, "Metrics": true, "MetricLevel.String": true,
	"Client.String": true, "Config.String": true, "Guarantee.String": true, "State.String": true,
	"Topic.Name": true, "Topic.Key": true, "Topic.Value": true, "Topic.Start": true, // for producers and tests
	"TopicPattern.Expression": true, "TopicPattern.Key": true, "TopicPattern.Value": true,
}

// TestEveryOperatorHasAnExample demands an Example function that uses it, by itself or through what it calls.
func TestEveryOperatorHasAnExample(t *testing.T) {
	tests := check(t, "streams")
	shown := tests.reached(func(name string) bool { return strings.HasPrefix(name, "Example") })
	require.NotEmpty(t, shown)
	for _, pkg := range tests.pkg.Imports() {
		if pkg.Path() != module+"/streams" {
			continue
		}
		for name, operator := range functions(pkg) {
			if exempt[name] {
				continue
			}
			require.True(t, shown[operator], "no Example uses %s: write one, or list it as exempt", name)
		}
		return
	}
	require.Fail(t, "the tests do not import package streams")
}

// testPackage is the tests of a package, checked as the compiler does: what each declaration at top level uses.
type testPackage struct {
	pkg  *types.Package
	uses map[types.Object][]types.Object
}

func check(t *testing.T, dir string) testPackage {
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	require.NoError(t, err)
	var trees []*ast.File
	for _, path := range paths {
		tree, err := parser.ParseFile(fset, path, nil, 0)
		require.NoError(t, err)
		if strings.HasSuffix(tree.Name.Name, "_test") { // tests from within have no examples
			trees = append(trees, tree)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", compiled(t, imports(trees)...))}
	pkg, err := config.Check(module+"/"+dir+"_test", fset, trees, info)
	require.NoError(t, err)
	p := testPackage{pkg: pkg, uses: map[types.Object][]types.Object{}}
	for _, tree := range trees {
		for _, d := range tree.Decls {
			p.declare(d, info)
		}
	}
	return p
}

// imports are the packages that files import. The compiler need not build the files themselves: a package's own tests
// take it far longer than all that they import.
func imports(trees []*ast.File) (paths []string) {
	for _, tree := range trees {
		for _, spec := range tree.Imports {
			paths = append(paths, strings.Trim(spec.Path.Value, `"`))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// declare notes what a declaration uses, for each name that it declares.
func (p testPackage) declare(d ast.Decl, info *types.Info) {
	var names, used []types.Object
	ast.Inspect(d, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if o := info.Defs[id]; o != nil && o.Parent() == p.pkg.Scope() {
			names = append(names, o)
		}
		if o := origin(info.Uses[id]); o != nil {
			used = append(used, o)
		}
		return true
	})
	for _, name := range names {
		p.uses[name] = append(p.uses[name], used...)
	}
}

// origin is the generic function of one with types.
func origin(o types.Object) types.Object {
	if f, ok := o.(*types.Func); ok {
		return f.Origin()
	}
	return o
}

// reached is all that the declarations of some names use, directly or not.
func (p testPackage) reached(from func(name string) bool) map[types.Object]bool {
	seen := map[types.Object]bool{}
	var visit func(types.Object)
	visit = func(o types.Object) {
		if seen[o] {
			return
		}
		seen[o] = true
		for _, used := range p.uses[o] {
			visit(used)
		}
	}
	for _, name := range p.pkg.Scope().Names() {
		if from(name) {
			visit(p.pkg.Scope().Lookup(name))
		}
	}
	return seen
}

// functions are the exported functions of a package, and the methods of its exported types, by receiver and name.
func functions(pkg *types.Package) map[string]types.Object {
	all := map[string]types.Object{}
	for _, name := range pkg.Scope().Names() {
		switch o := pkg.Scope().Lookup(name).(type) {
		case *types.Func:
			if o.Exported() {
				all[name] = o
			}
		case *types.TypeName:
			named, ok := o.Type().(*types.Named)
			if !ok || !o.Exported() {
				continue
			}
			for m := range named.Methods() {
				if m.Exported() && !isGeneric(m) {
					all[name+"."+m.Name()] = m
				}
			}
		}
	}
	return all
}

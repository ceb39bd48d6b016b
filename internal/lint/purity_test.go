package lint

import (
	"go/ast"
	"go/token"
	"iter"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pure packages decide. They have no goroutine, no channel and no clock, so that whatever they do is a function call
// in a test.
var pure = []string{"internal/graph", "internal/operator", "internal/rows", "internal/task", "state", "topology", "window"}

// clock is what of package time makes or waits for an instant.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

func TestPurePackages(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(pure, s.dir) {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				assert.Fail(t, "a goroutine in a pure package", s.position(n))
			case *ast.ChanType:
				assert.Fail(t, "a channel in a pure package", s.position(n))
			case *ast.SelectStmt, *ast.SendStmt:
				assert.Fail(t, "waiting in a pure package", s.position(n))
			case *ast.UnaryExpr:
				assert.NotEqual(t, token.ARROW, n.Op, "waiting in a pure package: %s", s.position(n))
			}
			return true
		})
		for name, n := range selectors(s, "time") {
			assert.NotContains(t, clock, name, "the clock in a pure package: %s", s.position(n))
		}
	}
}

// selectors are the names that a file uses of an imported package, each with its place.
func selectors(s source, imported string) iter.Seq2[string, ast.Node] {
	name := ""
	for i, spec := range s.tree.Imports {
		if s.imports()[i] == imported {
			if name = path.Base(imported); spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	return func(yield func(string, ast.Node) bool) {
		for n := range ast.Preorder(s.tree) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			if x, ok := sel.X.(*ast.Ident); ok && name != "" && x.Name == name && !yield(sel.Sel.Name, n) {
				return
			}
		}
	}
}

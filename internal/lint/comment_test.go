package lint

import (
	"go/ast"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExportedThingsHaveComments(t *testing.T) {
	for _, s := range sources(t) {
		if !s.public() {
			continue
		}
		for _, d := range s.tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Name.Name != "Error" && d.Name.Name != "Unwrap" {
					assert.NotNil(t, d.Doc, "%s: %s has no comment", s.position(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok && spec.Name.IsExported() {
						documented := d.Doc != nil || spec.Doc != nil || spec.Comment != nil
						assert.True(t, documented, "%s: %s has no comment", s.position(spec), spec.Name.Name)
					}
				}
			}
		}
	}
}

// exportedReceiver is true for functions, and for methods that users see.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	for n := range ast.Preorder(fn.Recv.List[0].Type) {
		if name, ok := n.(*ast.Ident); ok {
			return name.IsExported() // the first one is the type, those after it its parameters
		}
	}
	return false
}

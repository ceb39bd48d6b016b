package lint

import (
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// TestAliasesSayWhatTheyAre: documentation shows neither the comment nor the fields of what an alias stands for, least
// of all if that is internal. So each alias has a comment of its own, which names the fields.
func TestAliasesSayWhatTheyAre(t *testing.T) {
	load := importer.ForCompiler(token.NewFileSet(), "gc", compiled(t, importPaths(publicPackages(t))...))
	for _, s := range sources(t) {
		if !s.public() {
			continue
		}
		for n := range ast.Preorder(s.tree) {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Assign.IsValid() || !spec.Name.IsExported() {
				continue
			}
			comment := commentOf(s.tree, spec)
			assert.NotEmpty(t, comment, "%s: %s has no comment of its own", s.position(spec), spec.Name.Name)
			pkg, err := load.Import(module + "/" + s.dir)
			require.NoError(t, err)
			fields, ok := pkg.Scope().Lookup(spec.Name.Name).Type().Underlying().(*types.Struct)
			if !ok {
				continue
			}
			for f := range fields.Fields() {
				named := !f.Exported() || strings.Contains(comment, f.Name())
				assert.True(t, named, "%s: %s does not say that it has %s", s.position(spec), spec.Name.Name, f.Name())
			}
		}
	}
}

// commentOf is that of a declaration, and of the whole one if it declares one type.
func commentOf(tree *ast.File, spec *ast.TypeSpec) string {
	for _, d := range tree.Decls {
		if d, ok := d.(*ast.GenDecl); ok && len(d.Specs) == 1 && d.Specs[0] == spec {
			return d.Doc.Text()
		}
	}
	return spec.Doc.Text()
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

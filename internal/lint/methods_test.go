//go:build go1.27

package lint

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kinds are what the functions of a receiver begin with where the name of its method is not theirs. Streams and groups
// have the plain names.
var kinds = map[string]string{
	"Cogroup": "Cogroup", "SessionGroup": "Session", "Table": "Table", "TableGroup": "Table", "WindowedGroup": "Windowed",
	"WindowResults": "Results", "WindowTable": "Windowed",
}

// constructors are functions that a type is made by, whose name the method has.
var constructors = map[string]string{"NewCogroup": "Cogroup"}

// methodOf is the method that a function is beside: its name, without the kind of the receiver.
func methodOf(receiver, function string) string {
	if name, ok := constructors[function]; ok {
		return receiver + "." + name
	}
	return receiver + "." + strings.TrimPrefix(function, kinds[receiver])
}

// functionsOnly are steps that bring no new type, and would be compiled with each table if they were methods; or whose
// results, under windowed keys, would as methods lead to types without end.
var functionsOnly = []string{"PerCommit", "WindowedPerCommit", "TableOf", "WindowedResults"}

// TestStepsAreMethods: each step that brings a new type is a function and a method, and the method is nothing but a
// call of the function, with the receiver and its own arguments in order.
func TestStepsAreMethods(t *testing.T) {
	functions, methods := map[string]string{}, map[string]string{} // the method, as it should be and is, by function
	for _, s := range sources(t) {
		if s.dir != "streams" {
			continue
		}
		for _, d := range s.tree.Decls {
			fn, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !fn.Name.IsExported() || fn.Type.TypeParams == nil:
			case fn.Recv != nil:
				called := calledWithReceiver(fn)
				require.NotEmpty(t, called, "%s: %s does more than to call its function", s.position(fn), fn.Name.Name)
				require.Contains(t, fn.Doc.Text(), "["+called+"]", "%s: the comment names no function", s.position(fn))
				methods[called] = receiverOf(fn.Recv) + "." + fn.Name.Name
			case receiverOf(fn.Type.Params) != "" && !slices.Contains(functionsOnly, fn.Name.Name):
				functions[fn.Name.Name] = methodOf(receiverOf(fn.Type.Params), fn.Name.Name)
			}
		}
	}
	require.NotEmpty(t, functions)
	assert.Equal(t, functions, methods)
}

// receiverOf is the generic type that the first parameter points to; "" if that is something else.
func receiverOf(params *ast.FieldList) string {
	if len(params.List) == 0 {
		return ""
	}
	pointer, ok := params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return ""
	}
	switch x := pointer.X.(type) {
	case *ast.IndexExpr:
		return x.X.(*ast.Ident).Name
	case *ast.IndexListExpr:
		return x.X.(*ast.Ident).Name
	}
	return ""
}

// calledWithReceiver is the function that a method consists of; "" if it is something else.
func calledWithReceiver(fn *ast.FuncDecl) string {
	var given []string
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params} {
		for _, p := range list.List {
			for _, name := range p.Names {
				given = append(given, name.Name)
			}
		}
	}
	if len(fn.Body.List) != 1 {
		return ""
	}
	ret, ok := fn.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return ""
	}
	call, ok := ret.Results[0].(*ast.CallExpr)
	if !ok {
		return ""
	}
	var passed []string
	for _, a := range call.Args {
		name, ok := a.(*ast.Ident)
		if !ok {
			return ""
		}
		passed = append(passed, name.Name)
	}
	if strings.Join(given, " ") != strings.Join(passed, " ") {
		return ""
	}
	called := call.Fun
	if of, ok := called.(*ast.IndexExpr); ok { // with the type that its arguments do not tell
		called = of.X
	}
	return called.(*ast.Ident).Name
}

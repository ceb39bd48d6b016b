package graph

import (
	"fmt"
	"reflect"
	"strings"
)

// TypeName is the name of an error's type, as users write it: they know the types of this package as those of streams.
func TypeName(err error) string {
	t := reflect.TypeOf(err)
	if t != nil && t.Kind() == reflect.Pointer && t.Elem().PkgPath() == reflect.TypeFor[Node]().PkgPath() {
		return "*streams." + t.Elem().Name()
	}
	return fmt.Sprintf("%T", err)
}

var publicNames = strings.NewReplacer("graph.Record[", "streams.Record[", "graph.Context[", "streams.Context[",
	"graph.FixedKeyRecord[", "streams.FixedKeyRecord[", "graph.FixedKeyContext[", "streams.FixedKeyContext[")

// public is a text with the names of types that users write.
func public(text string) string { return publicNames.Replace(text) }

package storage

import (
	"fmt"
	"reflect"
	"strings"
)

// Described is a declaration in words: its format, with the Go types of keys and values as far as the serdes tell.
// Declarations of one store must agree in them, or one of them does not find its handle.
func Described(s Spec) string {
	var types []string
	for _, serde := range append([]any{s.Options().Keys}, s.Options().Values...) {
		if t := decodes(serde); t != nil {
			types = append(types, t.String())
		}
	}
	return fmt.Sprintf("%s of %s", s.Format(), strings.Join(types, ", "))
}

// decodes is the type of what a serde decodes, nil if it is none.
func decodes(serde any) reflect.Type {
	v := reflect.ValueOf(serde)
	if !v.IsValid() {
		return nil
	}
	decode := v.MethodByName("Decode")
	if !decode.IsValid() || decode.Type().NumOut() != 2 {
		return nil
	}
	return decode.Type().Out(0)
}

package state

import (
	"fmt"
	"reflect"

	"github.com/millstream-go/millstream/internal/storage"
)

// Declaration is a declared store of any kind: what a step is given to use it.
type Declaration interface {
	// Spec is for the library.
	Spec() Spec
}

// Spec is a declaration without its types. There is nothing in it for users.
type Spec = storage.Sealed

// Store is an open store without its types: the In of the store's declaration makes a handle of it.
type Store = storage.Opened

// What the engine knows of declarations and open stores.
type (
	declared = storage.Declared
	opened   = storage.Store
)

// Kind is the kind of a store: "key-value", "window", "session", "versioned", "buffer", "unmatched" (the records of a
// join of streams that wait for a partner), "suppress" or "in-flight".
type Kind = storage.Kind

// Stores finds the open stores of a task by name. The context of a processor is one.
type Stores interface {
	Store(name string) Store
}

// in finds the handle of a declaration's open store, with its types.
//
//go:noinline
func in[S any](name string) func(stores Stores) S {
	return func(stores Stores) S {
		handle := handleOf(stores, name)
		typed, ok := handle.(S)
		if !ok {
			panic(otherTypes(name, handle, (*S)(nil)))
		}
		return typed
	}
}

func handleOf(stores Stores, name string) any {
	return storage.HandleOf(stores.Store(name))
}

// otherTypes says that a handle is not what it is asked for as: the type that want points to.
//
//go:noinline
func otherTypes(name string, handle, want any) string {
	return fmt.Sprintf("state: store %s is open as %T, asked for as %v: declare it once and use that value",
		name, handle, reflect.TypeOf(want).Elem())
}

package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/avro"
)

// The library writes the entries of maps in the order of Go's iteration, which is random. mapOrder walks the bytes of a
// value by its schema and sorts the entries of each map by their keys.
type mapOrder struct{ walk walk }

// walk passes over one value at src[at:], sorts the maps in it, and returns where it ends. Sorting keeps the length.
type walk func(src []byte, at int) (end int, err error)

// errWalk: the walk meets bytes that the library cannot have written.
var errWalk = errors.New("serde: avro: maps are not where the schema has them")

// orderOf is nil for a schema without maps. logical names the logical types of the schema, in their order.
func orderOf(root *avro.SchemaNode) (order *mapOrder, logical string) {
	w := walkers{named: map[string]*walk{}}
	top := w.of(root, "")
	if w.maps {
		order = &mapOrder{top}
	}
	return order, w.logical.String()
}

// sort orders the maps of the value that begins at from.
func (m *mapOrder) sort(src []byte, from int) ([]byte, error) {
	end, err := m.walk(src, from)
	if err == nil && end != len(src) {
		err = errWalk
	}
	return src, err
}

// walkers makes the walks of a schema.
type walkers struct {
	named   map[string]*walk // records, enums and fixed by full name: they may hold themselves
	maps    bool
	logical strings.Builder
}

func (w *walkers) of(n *avro.SchemaNode, namespace string) walk {
	if n.LogicalType != "" {
		fmt.Fprintf(&w.logical, " %s(%d,%d)", n.LogicalType, n.Precision, n.Scale)
	}
	switch n.Type {
	case "null":
		return func(_ []byte, at int) (int, error) { return at, nil }
	case "boolean":
		return skip(1)
	case "float":
		return skip(4)
	case "double":
		return skip(8)
	case "int", "long":
		return func(src []byte, at int) (int, error) { _, at, err := varint(src, at); return at, err }
	case "string", "bytes":
		return skipBytes
	case "array":
		return blocks(w.of(n.Items, namespace))
	case "map":
		w.maps = true
		return sorted(w.of(n.Values, namespace))
	case "union":
		return w.union(n, namespace)
	case "record", "error", "enum", "fixed":
		return w.define(n)
	}
	return w.reference(n.Type, namespace)
}

func (w *walkers) define(n *avro.SchemaNode) walk {
	name := fullName(n.Namespace, n.Name)
	at := new(walk)
	w.named[name] = at
	switch n.Type {
	case "enum":
		*at = func(src []byte, at int) (int, error) { _, at, err := varint(src, at); return at, err }
	case "fixed":
		*at = skip(n.Size)
	default:
		namespace := name[:max(0, strings.LastIndexByte(name, '.'))]
		fields := make([]walk, len(n.Fields))
		for i := range n.Fields {
			fields[i] = w.of(&n.Fields[i].Type, namespace)
		}
		*at = func(src []byte, at int) (_ int, err error) {
			for _, f := range fields {
				if at, err = f(src, at); err != nil {
					return at, err
				}
			}
			return at, nil
		}
	}
	return *at
}

// reference is the walk of a named type, which is defined further up, or around.
func (w *walkers) reference(name, namespace string) walk {
	known := w.named[name]
	if known == nil {
		known = w.named[fullName(namespace, name)]
	}
	if known == nil {
		return func(_ []byte, at int) (int, error) { return at, fmt.Errorf("%w: no type %s", errWalk, name) }
	}
	return func(src []byte, at int) (int, error) { return (*known)(src, at) }
}

func (w *walkers) union(n *avro.SchemaNode, namespace string) walk {
	branches := make([]walk, len(n.Branches))
	for i := range n.Branches {
		branches[i] = w.of(&n.Branches[i], namespace)
	}
	return func(src []byte, at int) (int, error) {
		i, at, err := varint(src, at)
		if err != nil || i < 0 || i >= int64(len(branches)) {
			return at, errWalk
		}
		return branches[i](src, at)
	}
}

// fullName is a name with its namespace, unless it has one.
func fullName(namespace, name string) string {
	if namespace == "" || name == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

func skip(n int) walk {
	return func(src []byte, at int) (int, error) {
		if n > len(src)-at {
			return at, errWalk
		}
		return at + n, nil
	}
}

func skipBytes(src []byte, at int) (int, error) {
	n, at, err := varint(src, at)
	if err != nil || n < 0 || n > int64(len(src)-at) {
		return at, errWalk
	}
	return at + int(n), nil
}

func varint(src []byte, at int) (v int64, end int, err error) {
	v, n := binary.Varint(src[at:])
	if n <= 0 {
		return 0, at, errWalk
	}
	return v, at + n, nil
}

// blocks walks the items of an array: blocks of them, each behind its count, until one is empty. The library writes
// counts above 0 only.
func blocks(item walk) walk {
	return func(src []byte, at int) (int, error) {
		for {
			n, next, err := varint(src, at)
			if err != nil || n < 0 {
				return at, errWalk
			}
			if at = next; n == 0 {
				return at, nil
			}
			for range n {
				if at, err = item(src, at); err != nil {
					return at, err
				}
			}
		}
	}
}

// sorted walks the entries of a map as blocks does, and sorts those of each block. The library writes one.
func sorted(value walk) walk {
	entry := func(src []byte, at int) (int, error) {
		at, err := skipBytes(src, at)
		if err != nil {
			return at, err
		}
		return value(src, at)
	}
	return func(src []byte, at int) (int, error) {
		for {
			n, next, err := varint(src, at)
			if err != nil || n < 0 {
				return at, errWalk
			}
			if at = next; n == 0 {
				return at, nil
			}
			from, bounds := at, make([]int, 0, min(n, int64(len(src))))
			for range n {
				bounds = append(bounds, at)
				if at, err = entry(src, at); err != nil {
					return at, err
				}
			}
			sortEntries(src[from:at], from, bounds)
		}
	}
}

// sortEntries puts the entries of a map that begin at bounds, counted from base on, in the order of their keys.
func sortEntries(block []byte, base int, bounds []int) {
	entries := make([][]byte, len(bounds))
	old := bytes.Clone(block)
	for i, at := range bounds {
		end := len(block)
		if i+1 < len(bounds) {
			end = bounds[i+1] - base
		}
		entries[i] = old[at-base : end]
	}
	slices.SortFunc(entries, func(a, b []byte) int { return bytes.Compare(keyOf(a), keyOf(b)) })
	at := 0
	for _, e := range entries {
		at += copy(block[at:], e)
	}
}

// keyOf is the key of an entry that has been walked.
func keyOf(entry []byte) []byte {
	n, at := binary.Varint(entry)
	return entry[at : at+int(n)]
}

package sqlsink

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Config says what is written where.
type Config[K, V any] struct {
	// Name is under which the place in the topic is kept: one for each table that the topic is written to. It must be
	// given, and stay the same.
	Name string
	// Table is the table, with its schema if need be. It must be there, with the columns below.
	Table string
	// Key are the columns of the key, with a primary key or unique index over them; KeyOf gives their values.
	Key   []string
	KeyOf func(K) []any
	// Columns are the other columns that are written; Values gives their values. Without any, the table is a set of keys.
	Columns []string
	Values  func(V) []any

	// Places is the table of places, which is created where it is missing. Sinks may share it. Default:
	// millstream_places.
	Places string
	// Refused tells an error of the database that blames the record, such as a value that is out of range, from trouble
	// that passes. Default: RefusedByState.
	Refused func(error) bool
}

// RefusedByState goes by the SQLSTATE of drivers that tell one (SQLState() string, as those of PostgreSQL do): classes
// 22, data exception, and 23, violated constraints, are the record's fault, and so is 21: two records of a batch have
// one row, although their keys differ, and go well one after the other.
func RefusedByState(err error) bool {
	var e interface{ SQLState() string }
	if !errors.As(err, &e) || len(e.SQLState()) != 5 {
		return false
	}
	class := e.SQLState()[:2]
	return class == "21" || class == "22" || class == "23"
}

// identifier is a name, or two with a point between them. Others would have to be quoted.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

func (c Config[K, V]) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(c.Name == "", "Name is needed")
	bad(len(c.Key) == 0 || c.KeyOf == nil, "Key and KeyOf are needed")
	bad(len(c.Columns) > 0 && c.Values == nil, "Values is needed for Columns")
	for _, name := range slices.Concat([]string{c.Table, c.Places}, c.Key, c.Columns) {
		bad(!identifier.MatchString(name), "%q is no name of a table or column", name)
	}
	return errors.Join(errs...)
}

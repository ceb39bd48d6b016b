package topology

import (
	"regexp"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/serde"
)

// shapes is a difference between what a serde wrote and what it is to read.
type shapes struct {
	subject Subject
	name    string // of the subject
	what    string // keys or values
	exact   bool   // the bytes themselves are compared: those of keys
	notes   bool   // nothing that the application has stored depends on it
}

// whole is the name of a value that is no struct, but has some within it.
const whole = "(value)"

const newName = "; give the new type a store or topic of a new name"

// types tells what becomes of values that are stored when types of Go are others. Values without a field decode with a
// zero in it, so that a new field is fine; one that is gone, has another name or another type is not. A key with one
// field more has other bytes, and finds no row.
func (c *comparison) types(s shapes, before, after []serde.Shape) {
	if len(before) != len(after) {
		c.typed(s, true, "are of %d types in place of %d: they would be read as what they are not"+newName,
			len(after), len(before))
		return
	}
	for i := range before {
		c.shape(s, before[i], after[i])
	}
}

func (c *comparison) shape(s shapes, before, after serde.Shape) {
	if before.Type != after.Type && (len(before.Fields) == 0 || len(after.Fields) == 0) {
		c.typed(s, true, "are of type %s in place of %s: they would be read as what they are not"+newName,
			after.Type, before.Type)
		return
	}
	found := len(c.changes)
	c.fields(s, before.Fields, after.Fields)
	if before.Type != after.Type {
		suffix := ""
		if len(c.changes) == found {
			suffix = ", with the same fields: they decode, and must mean the same"
		}
		c.typed(s, len(c.changes) > found && c.changes[len(c.changes)-1].Severity == Breaks,
			"are of type %s in place of %s"+suffix, after.Type, before.Type)
	}
}

func (c *comparison) fields(s shapes, before, after []string) {
	if slices.Equal(before, after) {
		return
	}
	was, is := fieldTypes(before), fieldTypes(after)
	found := len(c.changes)
	for _, f := range before {
		name, t := cutField(f)
		switch now, kept := is[name]; {
		case !kept && name == whole:
			c.typed(s, true, "are no longer %s, but what was in it"+newName, t)
		case !kept:
			c.typed(s, true, "have no field %q (%s) any more: what rows have in it is lost, also if it only has another "+
				"name now; keep it, with its name as encoded"+newName, name, t)
		case now == t:
		case encoded(now) != encoded(t):
			c.typed(s, true, "have the field %q as %s in place of %s: rows do not decode, or as what they are not"+newName,
				name, now, t)
		default:
			c.typed(s, s.exact, "have the field %q as %s in place of %s, in bytes of the same kind", name, now, t)
		}
	}
	for _, f := range after {
		switch name, t := cutField(f); {
		case was[name] != "":
		case name == whole:
			c.typed(s, true, "are %s of what they were"+newName, t)
		default:
			c.typed(s, s.exact, "have a new field %q (%s): it is missing in what is there", name, t)
		}
	}
	if len(c.changes) == found {
		c.typed(s, s.exact, "have their fields in another order")
	}
}

// typed adds a change of a type.
func (c *comparison) typed(s shapes, breaks bool, format string, args ...any) {
	format = "has " + s.what + " that " + format
	switch {
	case !breaks || s.notes:
		c.notes(s.subject, s.name, format, args...)
	case s.exact:
		c.breaks(s.subject, s.name, format+" (keys are found by their bytes)", args...)
	default:
		c.breaks(s.subject, s.name, format, args...)
	}
}

func fieldTypes(fields []string) map[string]string {
	types := map[string]string{}
	for _, f := range fields {
		name, t := cutField(f)
		types[name] = t
	}
	return types
}

// cutField takes a field apart. Its name may have spaces, its type has none.
func cutField(field string) (name, t string) {
	i := strings.LastIndexByte(field, ' ')
	return field[:max(i, 0)], field[i+1:]
}

var (
	goName = regexp.MustCompile(`\([^()]*\)`)
	leave  = regexp.MustCompile(`,omit(empty|zero)`)
)

// encoded is a type as far as values are decoded by it: the name of one that is a number or a text is not in the bytes.
func encoded(t string) string { return leave.ReplaceAllString(goName.ReplaceAllString(t, ""), "") }

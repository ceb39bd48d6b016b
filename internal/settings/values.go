package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/spelling"
)

// Values are settings that were given, by name. Each is asked for by the one who knows it.
type Values struct {
	given map[string]string
	asked map[string]bool
	none  map[string]bool // of those that were asked for, the ones that do not exist here
	errs  []error
	spell func(name string) string // as whoever gave it wrote it
}

func newValues(spell func(string) string) *Values {
	return &Values{given: map[string]string{}, asked: map[string]bool{}, none: map[string]bool{}, spell: spell}
}

// Set gives a setting in place of what was given, as flags of a command do: spelled is how messages call it.
func (v *Values) Set(name, value, spelled string) {
	before := v.spell
	v.given[name] = value
	v.spell = func(n string) string {
		if n == name {
			return spelled
		}
		return before(n)
	}
}

// None are settings of which none is given yet.
func None() *Values { return newValues(func(name string) string { return name }) }

// Get is a setting's value, without white space around it.
func (v *Values) Get(name string) (value string, given bool) {
	v.asked[name] = true
	value, given = v.given[name]
	return strings.TrimSpace(value), given
}

// Names are those that somebody has asked for, in order.
func (v *Values) Names() []string { return slices.Sorted(maps.Keys(v.asked)) }

// Err is all that is wrong with the settings that somebody has asked for.
func (v *Values) Err() error {
	slices.SortFunc(v.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(slices.CompactFunc(v.errs, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// Rest has the settings that nobody has asked for be wrong, with the ones that may be meant.
func (v *Values) Rest() {
	known := slices.DeleteFunc(v.Names(), func(name string) bool { return v.none[name] })
	for name := range v.given {
		if v.asked[name] {
			continue
		}
		meant := ""
		if close := spelling.Closest(name, known); close != "" {
			meant = fmt.Sprintf("did you mean %s? ", v.spell(close))
		}
		v.wrong(shown(v.spell(name)), "is not a setting that is known: %ssee docs/configuration.md", meant)
	}
}

// shown is a name that nobody knows. A long one without dots or underscores is no name, but perhaps a line of a key in
// PEM, where the lines before lack their backslashes: only its beginning is shown.
func shown(name string) string {
	const longest, beginning = 24, 4
	if len(name) <= longest || strings.ContainsAny(name, "._") {
		return name
	}
	return fmt.Sprintf("%s... (%d characters)", name[:beginning], len(name))
}

// Wrong notes an error of a setting.
func (v *Values) Wrong(name, format string, args ...any) {
	v.wrong(v.spell(name), format, args...)
}

func (v *Values) wrong(spelled, format string, args ...any) {
	v.errs = append(v.errs, fmt.Errorf("%s "+format, append([]any{spelled}, args...)...))
}

// Text sets a field if the setting is given.
func (v *Values) Text(name string, field *string) {
	if value, given := v.Get(name); given {
		*field = value
	}
}

// List is a list with commas.
func (v *Values) List(name string, field *[]string) {
	value, given := v.Get(name)
	if !given {
		return
	}
	*field = nil
	for _, item := range strings.Split(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*field = append(*field, item)
		}
	}
}

// Milliseconds is a duration as a number of them, which is least or more.
func (v *Values) Milliseconds(name string, least int64, field *time.Duration) {
	n := int64(0)
	if Number(v, name, least, &n) {
		*field = time.Duration(min(n, int64(longest/time.Millisecond))) * time.Millisecond
	}
}

// longest is what a duration holds, all but. Java's programs have Long.MAX_VALUE for without end.
const longest = 290 * 365 * 24 * time.Hour

// Bool is true or false.
func (v *Values) Bool(name string, field *bool) {
	Choice(v, name, field, map[string]bool{"true": true, "false": false})
}

// Number is a whole number that fits its field, and is least or more. It is false if there is none.
func Number[N int | int16 | int32 | int64](v *Values, name string, least int64, field *N) bool {
	value, given := v.Get(name)
	if !given {
		return false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || int64(N(n)) != n || n < least {
		v.Wrong(name, "is %q: it is a whole number, %d or more", value, least)
		return false
	}
	*field = N(n)
	return true
}

// Choice is one of some words.
func Choice[T any](v *Values, name string, field *T, of map[string]T) {
	value, given := v.Get(name)
	if !given {
		return
	}
	chosen, ok := of[value]
	if !ok {
		v.Wrong(name, "is %q: use %s", value, strings.Join(slices.Sorted(maps.Keys(of)), ", "))
		return
	}
	*field = chosen
}

// Only takes a setting that can have no other values than those of the library.
func (v *Values) Only(name, why string, values ...string) {
	if value, given := v.Get(name); given && !slices.Contains(values, value) {
		v.Wrong(name, "is %q, but %s: leave it out", value, why)
	}
}

// Instead refuses a setting that does not exist here, and says what does.
func (v *Values) Instead(name, what string) {
	v.none[name] = true
	if _, given := v.Get(name); given {
		v.Wrong(name, "has no counterpart: %s", what)
	}
}

// Below are the settings whose names begin with a prefix, without it.
func (v *Values) Below(prefix string) map[string]string {
	out := map[string]string{}
	for name := range v.given {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			out[rest], _ = v.Get(name)
		}
	}
	return out
}

// Rename has settings that begin with a prefix be those without it, if these names are in the list. A setting that is
// given both ways is an error.
func (v *Values) Rename(prefix string, names []string) {
	for _, name := range names {
		value, given := v.given[prefix+name]
		if !given {
			continue
		}
		v.asked[prefix+name] = true
		if other, both := v.given[name]; both && other != value {
			v.Wrong(prefix+name, "is given, and %s with another value", v.spell(name))
		}
		v.given[name] = value
	}
}

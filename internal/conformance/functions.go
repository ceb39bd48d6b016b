package conformance

import (
	"fmt"
	"strconv"
	"strings"
)

func text(s string) *string { return &s }

func word(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// named splits "name:argument".
func named(fn string) (name, arg string) {
	name, arg, _ = strings.Cut(fn, ":")
	return name, arg
}

func predicate(pred string) (func(k, v *string) bool, error) {
	name, arg := named(pred)
	switch name {
	case "valueHas":
		return func(_, v *string) bool { return v != nil && strings.Contains(*v, arg) }, nil
	case "keyIs":
		return func(k, _ *string) bool { return k != nil && *k == arg }, nil
	case "lenOdd":
		return func(_, v *string) bool { return v != nil && len(*v)%2 == 1 }, nil
	case "notNull":
		return func(_, v *string) bool { return v != nil }, nil
	case "all":
		return func(_, _ *string) bool { return true }, nil
	}
	return nil, fmt.Errorf("unknown predicate %q", pred)
}

// value functions: null stays null.
func valueFunction(fn string) (func(v *string) *string, error) {
	name, arg := named(fn)
	f, ok := map[string]func(v string) *string{
		"":       func(v string) *string { return &v },
		"same":   func(v string) *string { return &v },
		"upper":  func(v string) *string { return text(strings.ToUpper(v)) },
		"suffix": func(v string) *string { return text(v + arg) },
		"len":    func(v string) *string { return text(strconv.Itoa(len(v))) },
		"first":  firstOf,
		"nullIf": func(v string) *string { return unless(v == arg, v) },
		"nullHas": func(v string) *string {
			return unless(strings.Contains(v, arg), v)
		},
	}[name]
	if !ok {
		return nil, fmt.Errorf("unknown value function %q", fn)
	}
	return func(v *string) *string {
		if v == nil {
			return nil
		}
		return f(*v)
	}, nil
}

func firstOf(v string) *string { return unless(v == "", v[:min(1, len(v))]) }

// unless is v, or null if the condition holds.
func unless(null bool, v string) *string {
	if null {
		return nil
	}
	return &v
}

func keyFunction(fn string) (func(k, v *string) *string, error) {
	name, arg := named(fn)
	f, ok := map[string]func(k, v *string) *string{
		"key":   func(k, _ *string) *string { return k },
		"value": func(_, v *string) *string { return v },
		"first": func(_, v *string) *string { return firstOf(deref(v)) },
		"firstUnless": func(_, v *string) *string {
			if v != nil && *v == arg {
				return nil
			}
			return firstOf(deref(v))
		},
		"nullIf": func(k, v *string) *string {
			if v != nil && *v == arg {
				return nil
			}
			return k
		},
		"bare": func(k, _ *string) *string {
			if k == nil {
				return nil
			}
			if i := strings.LastIndex(*k, "@"); i >= 0 {
				return text((*k)[:i])
			}
			return k
		},
		"constant": func(_, _ *string) *string { return &arg },
		"null":     func(_, _ *string) *string { return nil },
	}[name]
	if !ok {
		return nil, fmt.Errorf("unknown key function %q", fn)
	}
	return f, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func mapFunction(fn string) (func(k, v *string) (*string, *string), error) {
	switch fn {
	case "swap":
		return func(k, v *string) (*string, *string) { return v, k }, nil
	case "keyed":
		return func(k, v *string) (*string, *string) { return k, text(word(k) + ":" + word(v)) }, nil
	case "split":
		return func(k, v *string) (*string, *string) {
			if a, b, ok := strings.Cut(deref(v), ":"); ok {
				return &a, &b
			}
			return k, v
		}, nil
	}
	return nil, fmt.Errorf("unknown map function %q", fn)
}

// words are the parts of v between single spaces, without empty ones at the end.
func words(v *string) []string {
	if v == nil {
		return nil
	}
	parts := strings.Split(*v, " ")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}

// reducer is add(row, value).
func reducer(fn string) (func(row, v string) string, error) {
	switch fn {
	case "", "concat":
		return func(row, v string) string { return row + "+" + v }, nil
	case "last":
		return func(_, v string) string { return v }, nil
	case "first":
		return func(row, _ string) string { return row }, nil
	case "max":
		return func(row, v string) string { return max(row, v) }, nil
	}
	return nil, fmt.Errorf("unknown reducer %q", fn)
}

// aggregator is add(row, value); a null result deletes the row.
func aggregator(fn string) (func(row, v string) *string, error) {
	name, arg := named(fn)
	switch name {
	case "", "concat":
		return func(row, v string) *string { return text(row + "+" + v) }, nil
	case "sumLen":
		return func(row, v string) *string {
			n, _ := strconv.Atoi(row)
			return text(strconv.Itoa(n + len(v)))
		}, nil
	case "nullOn":
		return func(row, v string) *string { return unless(v == arg, row+"+"+v) }, nil
	}
	return nil, fmt.Errorf("unknown aggregator %q", fn)
}

// subtractor is subtract(row, value).
func subtractor(fn string) func(row, v string) *string {
	if name, _ := named(fn); name == "sumLen" {
		return func(row, v string) *string {
			n, _ := strconv.Atoi(row)
			return text(strconv.Itoa(n - len(v)))
		}
	}
	return func(row, v string) *string { return text(row + "-" + v) }
}

// merger is merge(a, b) of two sessions.
func merger(fn string) func(_, a, b string) (string, error) {
	if name, _ := named(fn); name == "sumLen" {
		return func(_, a, b string) (string, error) {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return strconv.Itoa(x + y), nil
		}
	}
	return func(_, a, b string) (string, error) { return a + "&" + b, nil }
}

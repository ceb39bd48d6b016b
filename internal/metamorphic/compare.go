package metamorphic

import (
	"fmt"
	"maps"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// Difference is what two runs of a case did not have in common.
type Difference struct {
	What       string // "topic out1 key a", "store s2"
	Plain, Got []string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("%s:\nplain run:  %v\nvaried run: %v", d.What, d.Plain, d.Got)
}

// compare holds two runs against the promises for topics and stores.
func compare(promises map[string]promise, want, got *answer) error {
	if d := differ(byKey(promises, want.results), byKey(promises, got.results)); d != nil {
		return d
	}
	if d := differ(content(promises, want.stores), content(promises, got.stores)); d != nil {
		return d
	}
	for _, a := range []*answer{want, got} {
		if d := differ(content(nil, a.stores), content(nil, a.restored)); d != nil {
			d.What += ", there and restored from the changelog,"
			return d
		}
	}
	if want.dropped != got.dropped {
		return &Difference{"dropped records", []string{fmt.Sprint(want.dropped)}, []string{fmt.Sprint(got.dropped)}}
	}
	return nil
}

// differ is the first difference, by name; nil if there is none.
func differ(want, got map[string][]string) *Difference {
	names := slices.Sorted(maps.Keys(want))
	for name := range got {
		if _, ok := want[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.Equal(want[name], got[name]) {
			return &Difference{name, want[name], got[name]}
		}
	}
	return nil
}

// byKey is what is promised of the records of each key of each topic.
func byKey(promises map[string]promise, results []conformance.Result) map[string][]string {
	out := map[string][]string{}
	for _, r := range results {
		name := fmt.Sprintf("topic %s key %s", r.Topic, conformance.Quoted(r.Key))
		if promises[r.Topic] == final {
			delete(out, name)
			if r.Value != nil {
				out[name] = []string{conformance.Quoted(r.Value)}
			}
			continue
		}
		out[name] = append(out[name], fmt.Sprintf("%s @%d %v", conformance.Quoted(r.Value), r.TS, *r.Headers))
		if promises[r.Topic] == bag {
			slices.Sort(out[name])
		}
	}
	return out
}

// content is what is promised of the rows of each store.
func content(promises map[string]promise, stores conformance.Stores) map[string][]string {
	out := map[string][]string{}
	for store, rows := range stores {
		for _, r := range rows {
			text := fmt.Sprintf("%q=%q", r.Key, r.Value)
			if promises[store] == exact {
				text += fmt.Sprintf(" @%d", r.TS)
			}
			out["store "+store] = append(out["store "+store], text)
		}
	}
	return out
}

package streams_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

var waiting = state.NewBuffer("waiting", serde.String, serde.String)

func TestJoinsWithVersionedTablesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grace := rapid.Int64Range(0, 15).Draw(t, "grace")
		w := &versionedTwin{
			ledger: ledger{}, kind: rapid.SampledFrom(kinds[:2]).Draw(t, "kind"),
			grace: grace, history: rapid.Int64Range(grace, 30).Draw(t, "history"), // not less: Build refuses that
			streamTime: -1, tableTime: -1, versions: map[string][]record{},
		}
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		versions := state.NewVersioned("versions", serde.String, serde.String, ms(w.history))
		if rapid.Bool().Draw(t, "in memory") {
			versions = versions.InMemory()
		}
		table := streams.TableMapValues(branch(s, "T").ToVersionedTable(versions), mark)
		streams.JoinWithGrace(branch(s, "S"), table, w.kind, ms(w.grace), waiting,
			func(r record, row optional) (optional, error) { return streams.Some(r.Value + "/" + orNull(row)), nil }).To(out)
		follows(t, b, w, drawRecords(t, shape{
			sides: []string{"S", "T"}, nullKeys: true, sameTime: rapid.Bool().Draw(t, "same times"),
		}))
	})
}

// versionedTwin keeps every version that was not refused.
type versionedTwin struct {
	ledger
	kind                  streams.JoinKind
	grace, history        int64
	streamTime, tableTime int64
	versions              map[string][]record // by time
	held                  []record            // by time, then arrival
}

func (w *versionedTwin) take(in record) (emitted []record) {
	side, r := sideOf(in)
	if side == "T" {
		w.enter(r)
		return nil
	}
	w.streamTime = max(w.streamTime, r.Timestamp)
	if r.NullKey || r.NullValue || r.Timestamp <= w.streamTime-w.grace {
		emitted = w.join(r)
	} else {
		w.held = append(w.held, r)
	}
	slices.SortStableFunc(w.held, func(a, b record) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	for len(w.held) > 0 && w.held[0].Timestamp <= w.streamTime-w.grace {
		emitted = append(emitted, w.join(w.held[0])...)
		w.held = w.held[1:]
	}
	return emitted
}

func (w *versionedTwin) enter(r record) {
	if r.NullKey {
		w.rejects(r)
		return
	}
	w.tableTime = max(w.tableTime, r.Timestamp)
	if r.Timestamp < w.tableTime-w.history {
		w.ledger[streams.DropLate]++
		return
	}
	list := slices.DeleteFunc(w.versions[r.Key], func(v record) bool { return v.Timestamp == r.Timestamp })
	list = append(list, r)
	slices.SortFunc(list, func(a, b record) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
	w.versions[r.Key] = list
}

func (w *versionedTwin) join(r record) []record {
	if r.NullKey && !r.NullValue && w.kind == streams.Left {
		r.Value += "/null"
		return []record{r}
	}
	if w.rejects(r) {
		return nil
	}
	row := w.asOf(r.Key, r.Timestamp)
	if !row.OK && w.kind == streams.Inner {
		return nil
	}
	r.Value += "/" + orNull(row)
	return []record{r}
}

// asOf is the version of a key that was valid at a time. The past beyond the history is not known.
func (w *versionedTwin) asOf(key string, at int64) optional {
	list := w.versions[key]
	for i, v := range slices.Backward(list) {
		if v.Timestamp <= at {
			known := at >= w.tableTime-w.history || i == len(list)-1
			return optional{Value: mark(v.Value), OK: known && !v.NullValue}
		}
	}
	return optional{}
}

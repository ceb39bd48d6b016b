package streams_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func TestJoinsOfTablesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &tableTwin{
			ledger: ledger{}, root: drawTree(t, 2), rows: map[tableKey]record{}, live: map[string]string{},
			newest: map[tableKey]int64{}, times: map[string]int64{},
		}
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		w.root.table(s).ToStream().To(out)
		follows(t, b, w, drawRecords(t, shape{sides: w.root.sides(), nullKeys: true}))
		for key, value := range w.live {
			row, ok := w.root.row(w.rows, key)
			require.True(t, ok && row.Value == value, "%q is %q after all changes, and should be %q", key, value, row.Value)
		}
	})
}

// tree is a table: of one side, or a join of two others, perhaps with a step behind it.
type tree struct {
	side        string
	history     int64 // of a versioned table; -1: not versioned
	kind        streams.JoinKind
	left, right *tree
	step        string // none, filter, map
}

func drawTree(t *rapid.T, depth int) *tree {
	next := 'A'
	var draw func(depth int) *tree
	draw = func(depth int) *tree {
		n := &tree{step: rapid.SampledFrom([]string{"none", "none", "filter", "map"}).Draw(t, "step")}
		if depth == 0 {
			n.side, n.history = string(next), -1
			if rapid.Bool().Draw(t, "versioned") {
				n.history = rapid.Int64Range(0, 20).Draw(t, "history")
			}
			next++
			return n
		}
		n.kind = rapid.SampledFrom(kinds).Draw(t, "kind")
		n.left = draw(rapid.IntRange(0, depth-1).Draw(t, "left depth"))
		n.right = draw(rapid.IntRange(0, depth-1).Draw(t, "right depth"))
		return n
	}
	return draw(depth)
}

// leaves are the tables of one side.
func (n *tree) leaves() []*tree {
	if n.side != "" {
		return []*tree{n}
	}
	return append(n.left.leaves(), n.right.leaves()...)
}

func (n *tree) sides() (names []string) {
	for _, l := range n.leaves() {
		names = append(names, l.side)
	}
	return names
}

// passes is the filter of the step: it takes rows out whose text is of a length.
func passes(value string) bool { return len(value)%3 != 0 }

func mark(value string) string { return value + "!" }

func (n *tree) table(s *stream) *table {
	var t *table
	switch {
	case n.side != "" && n.history >= 0:
		t = branch(s, n.side).ToVersionedTable(
			state.NewVersioned("table-"+n.side, serde.String, serde.String, ms(n.history)))
	case n.side != "":
		t = branch(s, n.side).ToTable(state.NewKeyValue("table-"+n.side, serde.String, serde.String))
	default:
		t = streams.TableJoinRecord(n.left.table(s), n.right.table(s), n.kind,
			func(_ string, l, r optional) (optional, error) { return sides(optional{}, l, r) })
	}
	switch n.step {
	case "filter":
		return t.Filter(passes)
	case "map":
		return streams.TableMapValues(t, mark)
	}
	return t
}

// tableKey is a row of one side.
type tableKey struct{ side, key string }

// row works the row of a key out from the rows of the sides as they are now.
func (n *tree) row(rows map[tableKey]record, key string) (row record, ok bool) {
	if n.side != "" {
		row, ok = rows[tableKey{n.side, key}]
	} else {
		l, leftOK := n.left.row(rows, key)
		r, rightOK := n.right.row(rows, key)
		row, ok = n.join(l, leftOK, r, rightOK)
	}
	switch {
	case !ok, n.step == "filter" && !passes(row.Value):
		return record{}, false
	case n.step == "map":
		row.Value = mark(row.Value)
	}
	return row, true
}

func (n *tree) join(l record, leftOK bool, r record, rightOK bool) (row record, ok bool) {
	switch {
	case leftOK && rightOK:
		row, ok = l, true
	case leftOK:
		row, ok = l, n.kind != streams.Inner
	case rightOK:
		row, ok = r, n.kind == streams.Outer
	}
	row.Timestamp = max(l.Timestamp, r.Timestamp)
	row.Value = orNull(optional{Value: l.Value, OK: leftOK}) + "/" + orNull(optional{Value: r.Value, OK: rightOK})
	return row, ok
}

// change is what a change of one row of a side makes of the row of a join: whether anything comes out, and when.
func (n *tree) change(side, key string, before, after map[tableKey]record, at int64) (changed bool, timestamp int64) {
	if n.side != "" {
		if n.side != side {
			return false, 0
		}
		timestamp = at
	} else {
		changed, timestamp = n.left.change(side, key, before, after, at)
		other := n.right
		if !changed {
			changed, timestamp = n.right.change(side, key, before, after, at)
			other = n.left
		}
		if !changed {
			return false, 0
		}
		if row, ok := other.row(after, key); ok {
			timestamp = max(timestamp, row.Timestamp)
		}
	}
	_, was := n.row(before, key)
	_, is := n.row(after, key)
	return was || is, timestamp
}

// tableTwin keeps the rows of the sides, and works every row of the joined table out from them.
type tableTwin struct {
	ledger
	root *tree
	rows map[tableKey]record
	live map[string]string // what a reader of the changes has

	newest map[tableKey]int64 // time of the newest version
	times  map[string]int64   // stream time of each side
}

// stale is true for a change that a versioned table keeps to itself: it is not the newest of its key, or
// too old, which is counted.
func (w *tableTwin) stale(side string, r record) bool {
	w.times[side] = max(w.times[side], r.Timestamp)
	for _, l := range w.root.leaves() {
		if l.side != side || l.history < 0 {
			continue
		}
		at := tableKey{side, r.Key}
		if r.Timestamp < w.times[side]-l.history {
			w.ledger[streams.DropLate]++
			return true
		}
		if r.Timestamp < w.newest[at] {
			return true
		}
		w.newest[at] = r.Timestamp
	}
	return false
}

func (w *tableTwin) take(in record) (emitted []record) {
	side, r := sideOf(in)
	if r.NullKey {
		w.rejects(r)
		return nil
	}
	if w.stale(side, r) {
		return nil
	}
	before := map[tableKey]record{}
	for k, v := range w.rows {
		before[k] = v
	}
	if at := (tableKey{side, r.Key}); r.NullValue {
		delete(w.rows, at)
	} else {
		w.rows[at] = r
	}
	changed, timestamp := w.root.change(side, r.Key, before, w.rows, r.Timestamp)
	row, ok := w.root.row(w.rows, r.Key)
	switch {
	case !changed:
		return nil
	case !ok:
		delete(w.live, r.Key)
		return []record{nullValue(r.Key, timestamp)}
	}
	w.live[r.Key] = row.Value
	return []record{rec(r.Key, row.Value, timestamp)}
}

func TestGroupsOfTablesFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := streams.NewBuilder("app")
		groups := streams.TableGroupByRecord(streams.TableFrom(b, in, rows), func(r record) (record, error) {
			return groupOf(r), nil
		}, rekey)
		streams.TableMapValues(summed(groups), func(n int64) string { return strconv.FormatInt(n, 10) }).ToStream().To(out)
		w := &groupTwin{ledger: ledger{}, rows: map[string]record{}, groups: map[string]record{}}
		follows(t, b, w, drawRecords(t, shape{nullKeys: true}))
	})
}

func summed(groups *streams.TableGroup[string, string]) *streams.Table[string, int64] {
	return streams.TableAggregate(groups, tally, func() int64 { return 0 },
		func(_, value string, sum int64) int64 { return sum + number(value) },
		func(_, value string, sum int64) int64 { return sum - number(value) })
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// groupOf puts numbers into groups by their remainder; some are in no group, some have no value there.
func groupOf(r record) record {
	n := number(r.Value)
	r.Key = strconv.FormatInt(n%3, 10)
	r.NullKey, r.NullValue = n%7 == 0, n%11 == 0
	return r
}

// groupTwin works the sum of a group out from the rows as they are now.
type groupTwin struct {
	ledger
	rows   map[string]record
	groups map[string]record // those that ever had a row
}

func (w *groupTwin) take(r record) (emitted []record) {
	if r.NullKey {
		w.rejects(r)
		return nil
	}
	var touched []string
	if old, ok := w.rows[r.Key]; ok {
		touched = member(touched, old)
	}
	delete(w.rows, r.Key)
	if len(touched) > 0 && (r.NullValue || groupOf(r).NullKey || groupOf(r).NullValue || groupOf(r).Key != touched[0]) {
		emitted = append(emitted, w.sum(touched[0], r.Timestamp))
	}
	if r.NullValue {
		return emitted
	}
	w.rows[r.Key] = r
	for _, group := range member(nil, r) {
		emitted = append(emitted, w.sum(group, r.Timestamp))
	}
	return emitted
}

// member appends the group of a row, if it is in one.
func member(groups []string, row record) []string {
	if g := groupOf(row); !g.NullKey && !g.NullValue {
		groups = append(groups, g.Key)
	}
	return groups
}

// sum is the row of a group. One whose rows have all left stays, with 0.
func (w *groupTwin) sum(group string, at int64) record {
	var sum int64
	for _, row := range w.rows {
		if g := groupOf(row); g.Key == group && !g.NullKey && !g.NullValue {
			sum += number(row.Value)
		}
	}
	w.groups[group] = rec(group, strconv.FormatInt(sum, 10), max(at, w.groups[group].Timestamp))
	return w.groups[group]
}

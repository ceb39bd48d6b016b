package streams_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// How many results a change makes on its way through the internal topics depends on when those are worked off. What they
// add up to does not, nor that a delete comes only where a row was.
func TestJoinsByForeignKeyFollowTheirTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &foreignTwin{
			kind: rapid.SampledFrom(kinds[:2]).Draw(t, "kind"),
			left: map[string]string{}, right: map[string]string{},
		}
		topo, err := foreignTopology(w.kind).Build()
		require.NoError(t, err)
		records := drawForeign(t)
		d := openDriver(t, topo)
		reader := tableReader{topic: testkit.Output(d, out), rows: map[string]string{}}
		for i, r := range records {
			testkit.Input(d, in).PipeRecord(r)
			w.take(r)
			reader.read(t)
			require.Equal(t, w.rows(), reader.rows, "behind record %d, %s", i, show(r))
		}
		again := disturbed(t, topo, records)
		reader = tableReader{rows: map[string]string{}}
		reader.apply(t, again)
		require.Equal(t, w.rows(), reader.rows, "after accidents")
	})
}

func foreignTopology(kind streams.JoinKind) *streams.Builder {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	l := branch(s, "L").ToTable(rows)
	r := branch(s, "R").ToTable(state.NewKeyValue("others", serde.String, serde.String))
	via := streams.NewForeignKey("via", serde.String, serde.String, serde.String, serde.String)
	streams.JoinForeignKeyRecord(l, r, via, state.NewKeyValue("joined", serde.String, serde.String), kind, pointer,
		func(_, l string, r optional) (optional, error) { return streams.Some(l + "/" + orNull(r)), nil }).ToStream().To(out)
	return b
}

// drawForeign gives the left records pointers, among them those to rows that never are.
func drawForeign(t *rapid.T) []record {
	records := drawRecords(t, shape{sides: []string{"L", "R"}})
	for i, r := range records {
		if side, of := sideOf(r); side == "L" && !of.NullValue {
			records[i].Value += rapid.SampledFrom([]string{":a", ":b", ":", ":none", ""}).Draw(t, "pointer")
		}
	}
	return records
}

// pointer is what stands behind the colon.
func pointer(_, v string) optional {
	_, key, ok := strings.Cut(v, ":")
	return optional{Value: key, OK: ok}
}

// foreignTwin joins all rows anew.
type foreignTwin struct {
	kind        streams.JoinKind
	left, right map[string]string
}

func (w *foreignTwin) take(in record) {
	side, r := sideOf(in)
	table := w.left
	if side == "R" {
		table = w.right
	}
	if table[r.Key] = r.Value; r.NullValue {
		delete(table, r.Key)
	}
}

func (w *foreignTwin) rows() map[string]string {
	rows := map[string]string{}
	for key, l := range w.left {
		var right optional
		if to := pointer(key, l); to.OK {
			right.Value, right.OK = w.right[to.Value]
		}
		if right.OK || w.kind == streams.Left {
			rows[key] = l + "/" + orNull(right)
		}
	}
	return rows
}

// tableReader is a reader of a table's changes.
type tableReader struct {
	topic *testkit.OutputTopic[string, string]
	rows  map[string]string
}

func (r *tableReader) read(t *rapid.T) { r.apply(t, r.topic.Read()) }

func (r *tableReader) apply(t *rapid.T, changes []record) {
	for _, c := range changes {
		if c.NullValue {
			require.Contains(t, r.rows, c.Key, "a delete of a row that is not there: %s", show(c))
			delete(r.rows, c.Key)
			continue
		}
		r.rows[c.Key] = c.Value
	}
}

// The left row changes again before the answer to the change that lost its foreign key has come back. That answer is for
// a row that is no more, and no other will come: the result must go all the same.
func TestAResultGoesThoughTheRowThatLostItsKeyHasChanged(t *testing.T) {
	for _, lost := range []string{"L:none", "L:null"} {
		d := drive(t, foreignTopology(streams.Inner), testkit.CommitEvery(0))
		pipe(d, rec("f", "R:r", 1), rec("k", "L:v:f", 2))
		d.Commit()
		pipe(d, rec("k", lost, 3), rec("k", "L:again", 4))
		d.Commit()
		require.Equal(t, []record{rec("k", "v:f/r", 2), nullValue("k", 3)}, testkit.Output(d, out).Read(), lost)
	}
}

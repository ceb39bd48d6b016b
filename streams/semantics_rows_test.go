package streams_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// The tests called TestRowNN hold Millstream's answers where Kafka Streams' are written down, row by row of a list of
// 45 behaviours, equal or deliberately better. rowTests are the rows that other tests hold.
var rowTests = map[int]string{
	22: "TestSplitTakesTheFirstBranchThatAccepts", // no branch: the record vanishes, uncounted
	24: "TestStreamTimePunctuations",
	26: "TestTimestampsComeFromTheExtractor", // a negative result: skipped and counted
	27: "TestOldestHeadFirst",                // of a task's partitions
	35: "TestKafkaBothGuarantees",            // state and outputs commit with the transaction
	37: "TestRecordsGoDepthFirstInTheOrderOfDeclaration",
}

const rowsOfSemantics = 45

func TestEveryRowOfTheSemanticsHasATest(t *testing.T) {
	var tests strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		tests.Write(content)
		return err
	}))
	for row := 1; row <= rowsOfSemantics; row++ {
		want := fmt.Sprintf("\nfunc TestRow%02d", row)
		if name, ok := rowTests[row]; ok {
			want = "\nfunc " + name + "(t *testing.T)"
		}
		require.Contains(t, tests.String(), want, "row %d", row)
	}
}

// Kafka Streams: a null stream key joins where the mapped key is there; without a mapped key an inner join drops the
// record and a left join gives it alone. Changes of the global table trigger nothing, and time plays no part.
func TestRow20GlobalTables(t *testing.T) {
	global := textTopic("G")
	join := func(kind streams.JoinKind) func(*streams.Builder) *stream {
		return func(b *streams.Builder) *stream {
			table := streams.GlobalTableFrom(b, global, rows)
			return streams.JoinGlobalRecord(streams.From(b, topicS), table, kind,
				func(r record) (optional, error) {
					return optional{Value: first(r.Value), OK: !strings.HasPrefix(r.Value, "N")}, nil
				},
				func(r record, _, row optional) (optional, error) {
					return streams.Some(r.Value + "/" + orNull(row)), nil
				})
		}
	}
	d := plays(t, join(streams.Inner), `
		G(a,g1)@1000
		S(k,abc)@1 -> (k,abc/g1)@1
		S(k,Nxx)@2
		S(null,abc)@3 -> (null,abc/g1)@3
		S(k,null)@4
		S(k,zzz)@5
		G(a,null)@6
		S(k,abc)@7
		G(null,gg)@8`)
	require.Equal(t, drops{streams.DropNullKey: 2, streams.DropNullValue: 1}, d.Dropped())
	d = plays(t, join(streams.Left), `
		G(a,g1)@1000
		S(k,Nxx)@2 -> (k,Nxx/null)@2
		S(null,abc)@3 -> (null,abc/g1)@3
		S(k,null)@4
		S(k,zzz)@5 -> (k,zzz/null)@5
		G(a,null)@6
		S(k,abc)@7 -> (k,abc/null)@7`)
	require.Equal(t, drops{streams.DropNullValue: 1}, d.Dropped())
}

// Kafka Streams: null keys are dropped in front of a repartition topic, without metric or log, unless a left or outer
// join is anywhere downstream. Millstream counts them, and passes them on where the topic says so.
func TestRow21NullKeysBeforeARepartition(t *testing.T) {
	byValue := func(b *streams.Builder) *stream {
		return streams.SelectKeyRecord(streams.From(b, topicS), keyUnless("n"))
	}
	d := plays(t, func(b *streams.Builder) *stream { return byValue(b).Repartition(rekey) }, `
		S(x,n)@1
		S(x,y)@1 -> (y,y)@1`)
	require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped())
	d = plays(t, func(b *streams.Builder) *stream {
		shared := byValue(b).Repartition(rekey.KeepNullKeys())
		shared.GroupByKey().Count(tally)
		return joins["LeftJoin"](shared, streams.TableFrom(b, topicT, rows))
	}, `
		S(x,n)@1 -> (null,n/null)@1
		S(x,y)@1 -> (y,y/null)@1`)
	require.Equal(t, drops{streams.DropNullKey: 1}, d.Dropped(), "the count dropped it, the join did not")
	require.Equal(t, []state.Row[string, int64]{{Key: "y", Value: 1, Timestamp: 1}}, testkit.Rows(d, tally))
	plays(t, func(b *streams.Builder) *stream {
		left := byValue(b).Repartition(rekey.KeepNullKeys())
		return streams.JoinStreamsRecord(left, streams.From(b, topicR), streams.Left, within(10, 0), pairs, sides)
	}, `
		S(x,n)@1 -> (null,n/null)@1
		S(x,y)@1
		S(x,q)@100 -> (y,y/null)@1`)
}

// Kafka Streams: with a handler that goes on, the count upstream of a failure stays raised, and a sibling has had the
// record. Millstream takes the whole record back.
func TestRow23AFailedRecordIsTakenBackWhole(t *testing.T) {
	fail := true
	d := plays(t, func(b *streams.Builder) *stream {
		counted := streams.TableMapValues(streams.From(b, topicS).GroupByKey().Count(tally), digits).ToStream()
		sibling := counted.Filter(func(string) bool { return true })
		counted.ForEach(func(r record) error {
			if r.Value == "2" && fail {
				fail = false
				return fmt.Errorf("not now")
			}
			return nil
		})
		return sibling
	}, `
		S(k,a)@1 -> (k,1)@1
		S(k,b)@2
		S(k,c)@3 -> (k,2)@3`, testkit.Skip())
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

// Kafka Streams: one number for most drops, none for those before repartition topics, behind expired stores or without
// a branch. Millstream: each drop under its reason.
func TestRow25DropsHaveReasons(t *testing.T) {
	numbers := streams.NewTopic("numbers", serde.String, serde.Int64)
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	s.GroupByKey().WindowedBy(tumbling(10, 0)).Reduce(texts, glue)
	s.ForEach(failOn("bad"))
	streams.From(b, numbers).To(counts)
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 100), rec("k", "late", 1), nullKey("a", 100), nullValue("k", 100), rec("k", "bad", 100), rec("k", "a", -1))
	testkit.Input(d, numbers).PipeRaw(testkit.RawRecord{Key: []byte("k"), Value: []byte("three"), Timestamp: 1})
	require.Equal(t, drops{
		streams.DropLate: 1, streams.DropNullKey: 1, streams.DropNullValue: 1, streams.DropProcess: 1,
		streams.DropTimestamp: 1, streams.DropDeserialize: 1,
	}, d.Dropped())
}

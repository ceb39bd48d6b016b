package streams_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// One topic for each key.
var perUser = streams.NewTopicPattern("user-.+", serde.String, serde.String)

func ofUser(r record) (string, error) { return "user-" + r.Key, nil }

func ExampleStream_ToEach() {
	b := streams.NewBuilder("example")
	streams.From(b, in).ToEach(perUser, func(r record) (string, error) { return "user-" + r.Key, nil })
	play(b, perUser.Topic("user-ann"), rec("ann", "hello", 1), rec("bob", "hi", 2))
	// Output: ann hello
}

func TestToEachWritesToTheChosenTopic(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).ToEach(perUser, ofUser)
	d := drive(t, b, testkit.PartitionsOf("user-ann", 3))
	pipe(d, rec("ann", "1", 1), rec("bob", "2", 2), nullValue("ann", 3))
	require.Equal(t, []record{rec("ann", "1", 1), nullValue("ann", 3)}, testkit.Output(d, perUser.Topic("user-ann")).Read())
	require.Equal(t, []record{rec("bob", "2", 2)}, testkit.Output(d, perUser.Topic("user-bob")).Read())
}

// TestToEachFailsTheRecord whose topic does not exist, does not match, or was not chosen.
func TestToEachFailsTheRecord(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).ToEach(perUser, func(r record) (string, error) {
		if r.Key == "" {
			return "", errors.New("nobody")
		}
		return r.Key, nil
	})
	site := lineAbove()
	topo := build(t, b)
	for key, want := range map[string]string{
		"user-gone":   "output topics do not exist: [user-gone]",
		"my-user-ann": `"my-user-ann" does not match the pattern user-.+`,
		"user-a/b":    `name "user-a/b" may only have letters, digits and . _ -`,
		"":            "nobody",
	} {
		d, err := testkit.NewDriver(topo, testkit.PartitionsOf("user-gone", 0))
		require.NoError(t, err)
		pipe(d, rec("user-ann", "fine", 1), rec(key, "not", 2))
		var failed *streams.ProcessError
		require.ErrorAs(t, d.Err(), &failed)
		require.ErrorContains(t, failed, want)
		require.Equal(t, []any{"sink-1", "in", int64(1)}, []any{failed.Node, failed.Topic, failed.Offset})
		require.Contains(t, site, fmt.Sprint(failed.Site[:len(failed.Site)-3]))
		require.Len(t, testkit.Output(d, perUser.Topic("user-ann")).Read(), 1)
		require.NoError(t, d.Close())
	}
}

// TestToEachLeavesOut records of missing topics where the policy says so, and counts them.
func TestToEachLeavesOut(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).ToEach(perUser, ofUser)
	d := drive(t, b, testkit.PartitionsOf("user-gone", 0), testkit.DeadLetter("dead"))
	pipe(d, rec("gone", "1", 1), rec("ann", "2", 2))
	require.Len(t, testkit.Output(d, perUser.Topic("user-ann")).Read(), 1)
	require.Len(t, testkit.Output(d, streams.NewTopic("dead", serde.String, serde.String)).Read(), 1)
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

// everywhere sends a record to all partitions, and one without a value nowhere.
func everywhere(r record, partitions int32) (all []int32) {
	for p := range partitions {
		if !r.NullValue {
			all = append(all, p)
		}
	}
	return all
}

func ExampleTopic_Partitioner() {
	all := out.Partitioner(func(r record, partitions int32) (chosen []int32) {
		for p := range partitions {
			chosen = append(chosen, p)
		}
		return chosen
	})
	b := streams.NewBuilder("example")
	streams.From(b, in).To(all)
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	d, _ := testkit.NewDriver(topo, testkit.PartitionsOf("out", 3))
	defer d.Close()
	pipe(d, rec("ann", "to everyone", 1))
	for _, r := range testkit.Output(d, all).Read() {
		fmt.Println(r.Key, r.Value)
	}
	// Output:
	// ann to everyone
	// ann to everyone
	// ann to everyone
}

func ExampleRepartition_Partitioner() {
	// Long texts have partitions of their own.
	bySize := rekey.Partitioner(func(r record, partitions int32) []int32 {
		if len(r.Value) > 3 {
			return []int32{partitions - 1}
		}
		return []int32{0}
	})
	b := streams.NewBuilder("example")
	texts := streams.From(b, in).Repartition(bySize.Partitions(2))
	streams.ProcessValues(texts, func() streams.FixedKeyProcessor[string, string, string] { return &whichTask{} }).To(out)
	play(b, out, rec("ann", "hi", 1), rec("ann", "hello", 2))
	// Output:
	// ann hi in 1_0
	// ann hello in 1_1
}

// whichTask puts the task behind each value.
type whichTask struct{}

func (p *whichTask) Process(ctx *fixedContext, r fixedRecord) error {
	text := r.Record().Value + " in " + ctx.Task().String()
	return ctx.Forward(streams.FixedKeyValue(r, streams.Some(text)))
}

// TestPartitionerChoosesOneSeveralOrNone, and what goes nowhere is neither an error nor counted.
func TestPartitionerChoosesOneSeveralOrNone(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.From(b, in).To(out.Partitioner(everywhere))
	streams.From(b, in).ToEach(perUser.Partitioner(everywhere), ofUser)
	d := drive(t, b, testkit.PartitionsOf("out", 3), testkit.PartitionsOf("user-ann", 2))
	pipe(d, rec("ann", "1", 1), nullValue("ann", 2))
	one := rec("ann", "1", 1)
	require.Equal(t, []record{one, one, one}, testkit.Output(d, out).Read())
	require.Equal(t, []record{one, one}, testkit.Output(d, perUser.Topic("user-ann")).Read())
	require.Empty(t, d.Dropped())
}

// TestPartitionOutOfRange fails the record, and takes its other copies back.
func TestPartitionOutOfRange(t *testing.T) {
	for _, wrong := range []int32{-1, 2} {
		b := streams.NewBuilder("app")
		streams.From(b, in).To(out.Partitioner(func(r record, n int32) []int32 {
			if r.Value == "bad" {
				return []int32{0, wrong}
			}
			return []int32{n - 1}
		}))
		d := drive(t, b, testkit.PartitionsOf("out", 2), testkit.Skip())
		pipe(d, rec("ann", "bad", 1), rec("ann", "good", 2))
		require.Equal(t, []record{rec("ann", "good", 2)}, testkit.Output(d, out).Read())
		require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())

		strict, err := testkit.NewDriver(build(t, b), testkit.PartitionsOf("out", 2))
		require.NoError(t, err)
		pipe(strict, rec("ann", "bad", 1))
		require.ErrorContains(t, strict.Err(), "step sink-1")
		require.ErrorContains(t, strict.Err(), fmt.Sprintf("partition %d of topic out, which has 2", wrong))
		require.NoError(t, strict.Close())
	}
}

func TestGroupsOfTablesAreSplitByKey(t *testing.T) {
	b := streams.NewBuilder("app")
	same := func(k, v string) (string, string) { return k, v }
	streams.TableGroupBy(streams.TableFrom(b, in, rows), same, rekey.Partitioner(everywhere))
	require.Contains(t, mistakes(t, b), `repartition topic "rekey" has a Partitioner`)
}

func TestAPatternIsARegularExpression(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	s.ToEach(streams.NewTopicPattern("a)|(b", serde.String, serde.String), ofUser)
	line := lineAbove()
	s.ToEach(streams.NewTopicPattern("", serde.String, serde.String), ofUser)
	s.ToEach(streams.NewTopicPattern[string, string]("x.*", nil, serde.String), ofUser)
	text := mistakes(t, b)
	require.Contains(t, text, line+`: topic pattern "a)|(b": error parsing regexp`)
	require.Contains(t, text, `topic pattern "": it is empty`)
	require.Contains(t, text, `topic "x.*" needs a serde`)
}

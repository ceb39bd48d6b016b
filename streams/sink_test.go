package streams_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/topology"
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
	require.Equal(t, drops{topology.DropProcess: 1}, d.Dropped())
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

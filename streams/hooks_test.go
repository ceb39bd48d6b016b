package streams_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// These have a method that nothing would call: it has the name of an optional one, and another type.
type (
	wrongInit   struct{ passOn }
	wrongClose  struct{ passOn }
	wrongCommit struct{ passOn }
	wrongSettle struct{ passOn }
	wrongTime   struct{ passOn }
	wrongMark   struct{ passOn }
	wrongUndo   struct{ passOn }
	wrongValue  struct{ passValue }
)

func (wrongInit) Init(*streams.Context[string, int64]) error { return nil }
func (wrongClose) Close()                                    {}
func (wrongCommit) BeforeCommit() error                      { return nil }
func (wrongSettle) Settle(*fixedContext) error               { return nil }
func (wrongTime) Advance(int64) error                        { return nil }
func (wrongMark) Mark()                                      {}
func (wrongUndo) Undo()                                      {}
func (wrongValue) Init(*textContext) error                   { return nil }

func TestAMethodThatNothingWouldCallIsAMistake(t *testing.T) {
	for name, new := range map[string]func() textProcessor{
		"Init of *streams_test.wrongInit":           func() textProcessor { return &wrongInit{} },
		"Close of *streams_test.wrongClose":         func() textProcessor { return &wrongClose{} },
		"BeforeCommit of *streams_test.wrongCommit": func() textProcessor { return &wrongCommit{} },
		"Settle of *streams_test.wrongSettle":       func() textProcessor { return &wrongSettle{} },
		"Advance of *streams_test.wrongTime":        func() textProcessor { return &wrongTime{} },
		"Mark of *streams_test.wrongMark":           func() textProcessor { return &wrongMark{} },
		"Undo of *streams_test.wrongUndo":           func() textProcessor { return &wrongUndo{} },
		"Init of *streams_test.summer, which lies within streams_test.logging": func() textProcessor {
			return logging{&summer{}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			streams.Process(streams.From(b, in), new)
			_, err := b.Build()
			require.ErrorContains(t, err, "nothing would call the method "+name)
			require.ErrorContains(t, err, "hooks_test.go:")
		})
	}
	b := streams.NewBuilder("app")
	streams.ProcessValues(streams.From(b, in), func() streams.FixedKeyProcessor[string, string, string] {
		return &wrongValue{}
	})
	_, err := b.Build()
	require.ErrorContains(t, err, "nothing would call the method Init of *streams_test.wrongValue")
}

// passing is a processor around another one, which hands Init on.
type passing struct {
	*summer
	calls int
}

func (p *passing) Process(ctx *textContext, r record) error {
	p.calls++
	return p.summer.Process(ctx, r)
}

func TestAProcessorAroundAnotherHandsItsMethodsOn(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() textProcessor { return &passing{summer: &summer{}} }, tally)
	d := drive(t, b)
	pipe(d, rec("k", "v", 1), rec("k", "v", 2))
	require.Equal(t, []state.Row[string, int64]{{Key: "k", Value: 2, Timestamp: 2}}, testkit.Rows(d, tally))
}

func TestAFunctionIsAProcessor(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), streams.ProcessFunc(func(ctx *textContext, r record) error {
		if r.Value == "bad" {
			return errors.New("bad")
		}
		n, _, err := tally.In(ctx).Get(r.Key)
		if err != nil {
			return err
		}
		return errors.Join(tally.In(ctx).Put(r.Key, n+1, r.Timestamp), ctx.Forward(r))
	}), tally).To(out)
	d := drive(t, b, testkit.Skip(), testkit.Partitions(3))
	one, another := apart(t, d)
	pipe(d, rec(one, "a", 1), rec(another, "b", 2), rec(one, "bad", 3), rec(one, "c", 4))
	require.ElementsMatch(t, []string{"a", "b", "c"}, values(d))
	require.ElementsMatch(t, []state.Row[string, int64]{
		{Key: one, Value: 2, Timestamp: 4}, {Key: another, Value: 1, Timestamp: 2},
	}, testkit.Rows(d, tally))
}

package streams_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

type (
	textContext   = streams.Context[string, string]
	fixedContext  = streams.FixedKeyContext[string, string]
	fixedRecord   = streams.FixedKeyRecord[string, string]
	globalContext = streams.Context[struct{}, struct{}]
	textProcessor = streams.Processor[string, string, string, string]
)

// hooked passes records on, and calls what a test gives it.
type hooked struct {
	init  func(ctx *textContext) error
	close func() error
	mark  func()
}

func (p *hooked) Init(ctx *textContext) error {
	if p.init == nil {
		return nil
	}
	return p.init(ctx)
}

func (p *hooked) Process(ctx *textContext, r record) error { return ctx.Forward(r) }

func (p *hooked) Close() error {
	if p.close == nil {
		return nil
	}
	return p.close()
}

func (p *hooked) Mark() {
	if p.mark != nil {
		p.mark()
	}
}

func (p *hooked) Undo() {}

// inTurn sends words through processors, one after the other.
func inTurn(processors ...func() textProcessor) func(b *streams.Builder) {
	return func(b *streams.Builder) {
		s := streams.From(b, words)
		for _, p := range processors {
			s = streams.Process(s, p)
		}
		s.To(out)
	}
}

func hook(p hooked) func() textProcessor {
	return func() textProcessor { q := p; return &q }
}

func panics() error { panic("boom") }

// behindBuild makes sound processors for Build, and then what new makes.
func behindBuild(new func() textProcessor) func() textProcessor {
	calls := 0
	return func() textProcessor {
		if calls++; calls <= 2 {
			return &hooked{}
		}
		return new()
	}
}

// TestAProcessorThatDoesNotStart ends the application: it would not start the next time, either.
func TestAProcessorThatDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct {
		new  func() textProcessor
		want string
	}{
		"an error": {hook(hooked{init: func(*textContext) error { return errors.New("no licence") }}), "Init: no licence"},
		"a panic":  {hook(hooked{init: func(*textContext) error { return panics() }}), "Init: panic: boom"},
		"a schedule without an interval": {hook(hooked{init: func(ctx *textContext) error {
			ctx.Schedule(0, streams.WallClockTime, func(int64) error { return nil })
			return nil
		}}), "interval below a millisecond"},
		"a schedule of parts of a millisecond": {hook(hooked{init: func(ctx *textContext) error {
			ctx.Schedule(1500*time.Microsecond, streams.WallClockTime, func(int64) error { return nil })
			return nil
		}}), "interval of parts of a millisecond"},
		"a schedule by no clock": {hook(hooked{init: func(ctx *textContext) error {
			ctx.Schedule(time.Second, streams.WallClockTime+1, func(int64) error { return nil })
			return nil
		}}), "neither StreamTime nor WallClockTime"},
		"a schedule of nothing": {hook(hooked{init: func(ctx *textContext) error {
			ctx.Schedule(time.Second, streams.WallClockTime, nil)
			return nil
		}}), "a nil function"},
		"a store that it was not given": {hook(hooked{init: func(ctx *textContext) error {
			keyRows.In(ctx)
			return nil
		}}), "uses store \"per-key\""},
		"none at all":          {behindBuild(func() textProcessor { return nil }), "returned nil"},
		"a panic at its birth": {func() textProcessor { panic("boom") }, "panic: boom"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "out")
			config := r.config(t.TempDir())
			config.OnError = streams.Skip
			var opened, closed atomic.Int64
			beside := hook(hooked{
				init:  func(*textContext) error { opened.Add(1); return nil },
				close: func() error { closed.Add(1); return nil },
			})
			err := r.run(inTurn(c.new, beside), config)
			require.ErrorContains(t, err, c.want)
			var failed *streams.ProcessError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "process-1", failed.Node)
			require.Contains(t, failed.Site, "failing_app_test.go:")
			require.Equal(t, opened.Load(), closed.Load(), "what had started is closed")
			require.NotContains(t, r.log.String(), "begins again")
		})
	}
}

// TestWhatInitForwards is committed without a record: else its transaction would stay open.
func TestWhatInitForwards(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "words", "out")
			config := r.config(t.TempDir())
			config.Guarantee = guarantee
			stop := r.startRunning(inTurn(hook(hooked{init: func(ctx *textContext) error {
				return ctx.Forward(record{Key: "k", Value: fmt.Sprint(ctx.Task())})
			}})), config)
			r.requireValues("out", "0_0", "0_1")
			require.NoError(t, stop())
		})
	}
}

// TestAProcessorThatDoesNotClose is named, and keeps no other from closing.
func TestAProcessorThatDoesNotClose(t *testing.T) {
	for name, fails := range map[string]func() error{
		"an error": func() error { return errors.New("boom") },
		"a panic":  panics,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "out")
			var closed atomic.Int64
			bad, fine := hook(hooked{close: fails}), hook(hooked{close: func() error { closed.Add(1); return nil }})
			stop := r.startRunning(inTurn(fine, bad), r.config(t.TempDir()))
			err := stop()
			require.ErrorContains(t, err, "close of process-2")
			require.ErrorContains(t, err, "boom")
			require.Equal(t, int64(2), closed.Load(), "one for each task")
		})
	}
}

func TestAPanicInMark(t *testing.T) {
	r := newRig(t, "words", "out")
	config := r.config(t.TempDir())
	config.OnError = streams.Skip
	r.produce("words", "k", "v")
	var marks atomic.Int64
	err := r.run(inTurn(hook(hooked{mark: func() {
		if marks.Add(1) > 2 { // after those of the start
			panic("boom")
		}
	}})), config)
	var panicked *streams.PanicError
	require.ErrorAs(t, err, &panicked)
}

// picky panics on a value that it is to encode.
type picky struct{ serde.Serde[string] }

func (s picky) Append(dst []byte, v string) ([]byte, error) {
	if v == "bad" {
		panic("boom")
	}
	return s.Serde.Append(dst, v)
}

func (picky) Format() string { return "picky" }

// TestASerdeThatPanicsAtTheCommit fails the record that has put the value, whatever the store.
func TestASerdeThatPanicsAtTheCommit(t *testing.T) {
	values := picky{serde.String}
	last := func(_, v string) string { return v }
	for name, describe := range map[string]func(b *streams.Builder){
		"key-value": func(b *streams.Builder) { streams.TableFrom(b, words, state.NewKeyValue("rows", serde.String, values)) },
		"window": func(b *streams.Builder) {
			windows := streams.From(b, words).GroupByKey().WindowedBy(window.Tumbling(time.Minute))
			windows.Reduce(state.NewWindow("rows", serde.String, values), last)
		},
		"versioned": func(b *streams.Builder) {
			streams.VersionedTableFrom(b, words, state.NewVersioned("rows", serde.String, values, time.Hour))
		},
		"global": func(b *streams.Builder) {
			streams.GlobalTableFrom(b, words, state.NewKeyValue("rows", serde.String, values))
			streams.From(b, in).To(out)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "words", "in", "out")
			r.produce("words", "k", "good", "k", "bad")
			err := r.run(describe, r.config(t.TempDir()))
			var failed *streams.ProcessError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, int64(1), failed.Offset)
			require.ErrorContains(t, err, "panic: boom")
		})
	}
}

// fickle fails every other time that it encodes a value.
type fickle struct {
	serde.Serde[string]
	seen *atomic.Int64
}

func (s fickle) Append(dst []byte, v string) ([]byte, error) {
	if v == "bad" && s.seen.Add(1)%2 == 1 {
		return dst, errors.New("boom")
	}
	return s.Serde.Append(dst, v)
}

func (fickle) Format() string { return "fickle" }

// TestAValueThatCanBeEncodedOnlyWhenItIsPut ends the application: no record is found that has put it.
func TestAValueThatCanBeEncodedOnlyWhenItIsPut(t *testing.T) {
	r := newRig(t, "words")
	r.produce("words", "k", "bad")
	err := r.run(func(b *streams.Builder) {
		streams.TableFrom(b, words, state.NewKeyValue("rows", serde.String, fickle{serde.String, new(atomic.Int64)}))
	}, r.config(t.TempDir()))
	require.ErrorIs(t, err, state.ErrEncode)
	require.ErrorContains(t, err, `store rows, key "k"`)
	require.ErrorContains(t, err, "changed since")
}

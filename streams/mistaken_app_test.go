package streams_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func keepWords(b *streams.Builder) {
	streams.TableFrom(b, words, state.NewKeyValue("rows", serde.String, serde.String))
}

func lookWordsUp(b *streams.Builder) {
	streams.GlobalTableFrom(b, words, state.NewKeyValue("rows", serde.String, serde.String))
	streams.From(b, in).To(out)
}

// TestSettingsThatShowLate end the application when they are used: they will not change.
func TestSettingsThatShowLate(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(c *streams.Config)
		want string
	}{
		"a client that is no member of groups": {func(c *streams.Config) {
			c.Kafka = []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"words": {0: kgo.NewOffset()}})}
		}, "see Config.Kafka"},
		"no idempotent writes": {func(c *streams.Config) {
			c.Kafka = []kgo.Opt{kgo.DisableIdempotentWrite()}
		}, "see Config.Kafka"},
		"a session of no time": {func(c *streams.Config) { c.SessionTimeout = 50 * time.Millisecond }, "Config.SessionTimeout"},
		"an engine that does not open": {func(c *streams.Config) {
			c.OpenEngine = func(string) (state.Engine, error) { return nil, errors.New("no licence") }
		}, "no licence: see Config.OpenEngine"},
		"no engine": {func(c *streams.Config) {
			c.OpenEngine = func(string) (state.Engine, error) { return nil, nil }
		}, "no engine: see Config.OpenEngine"},
		"an engine that panics as it opens": {func(c *streams.Config) {
			c.OpenEngine = func(string) (state.Engine, error) { panic("boom") }
		}, "panic: boom"},
	} {
		for of, describe := range map[string]func(b *streams.Builder){"a table": keepWords, "a global table": lookWordsUp} {
			t.Run(name+" of "+of, func(t *testing.T) {
				r := newRig(t, "words", "in", "out")
				config := r.config(t.TempDir())
				c.set(&config)
				require.ErrorContains(t, r.run(describe, config), c.want)
				require.NotContains(t, r.log.String(), "begins again")
			})
		}
	}
}

// panicking is an engine in memory with a call that panics.
type panicking struct {
	state.Engine
	in string
}

func (e panicking) Scan(lower, upper []byte, reverse bool) (state.Iterator, error) {
	e.panics("Scan")
	return e.Engine.Scan(lower, upper, reverse)
}

func (e panicking) NewBatch() state.Batch {
	e.panics("NewBatch")
	return e.Engine.NewBatch()
}

func (e panicking) Close() error {
	e.panics("Close")
	return e.Engine.Close()
}

func (e panicking) panics(call string) {
	if e.in == call {
		panic("boom")
	}
}

func TestAnEngineThatPanics(t *testing.T) {
	for _, call := range []string{"Scan", "NewBatch", "Close"} {
		t.Run(call, func(t *testing.T) {
			r := newRig(t, "words")
			config := r.config(t.TempDir())
			config.OpenEngine = func(string) (state.Engine, error) { return panicking{store.OpenMemory(), call}, nil }
			r.produce("words", "k", "v")
			var err error
			if call == "Close" {
				err = r.startRunning(keepWords, config)()
			} else {
				err = r.run(keepWords, config)
			}
			var panicked *streams.PanicError
			require.ErrorAs(t, err, &panicked)
			require.NotEmpty(t, panicked.Stack)
		})
	}
}

// TestAStepThatEndsItsGoroutine is no end of the application that anyone has asked for.
func TestAStepThatEndsItsGoroutine(t *testing.T) {
	r := newRig(t, "words")
	r.produce("words", "k", "v")
	err := r.run(func(b *streams.Builder) {
		streams.From(b, words).Peek(func(record) { runtime.Goexit() })
	}, r.config(t.TempDir()))
	require.ErrorContains(t, err, "runtime.Goexit")
}

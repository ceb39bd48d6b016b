package streams_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// summer counts records, and writes how many there were at each tenth and at a commit: what a task would lose if
// another one cleared it.
type summer struct {
	store state.KeyValueStore[string, int64]
	n     int64
}

func (p *summer) Init(ctx *streams.Context[string, string]) error {
	p.store = tally.In(ctx)
	return nil
}

func (p *summer) Process(_ *textContext, r record) error {
	p.n++
	return p.store.Put(r.Key, p.n, r.Timestamp)
}

// valueSummer is one that cannot change keys; globalSummer one for a global table.
type valueSummer struct {
	n int64
}

func (p *valueSummer) Process(ctx *fixedContext, r fixedRecord) error {
	p.n++
	return ctx.Forward(r)
}

type globalSummer struct {
	n int64
}

func (p *globalSummer) Process(*globalContext, record) error { p.n++; return nil }

// logging is a processor around another one.
type logging struct {
	streams.Processor[string, string, string, string]
}

// several is a processor with others within it.
type several struct{ list []textProcessor }

func (p *several) Init(ctx *textContext) error {
	for _, in := range p.list {
		if in, ok := in.(streams.Initializing[*textContext]); ok {
			if err := in.Init(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *several) Process(ctx *textContext, r record) error {
	for _, in := range p.list {
		if err := in.Process(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// call is a processor that is a function, nothing one without fields, loud one with a value.
type call func(record) error

func (c call) Process(_ *textContext, r record) error { return c(r) }

type nothing struct{}

func (nothing) Process(*textContext, record) error { return nil }

type loud struct {
	nothing
	word string
}

type maker = func() streams.Processor[string, string, string, string]

func always(p streams.Processor[string, string, string, string]) maker {
	return func() streams.Processor[string, string, string, string] { return p }
}

var globalShared = &summer{}

// TestOneProcessorForAllTasks is found by Build, in any kind of step.
func TestOneProcessorForAllTasks(t *testing.T) {
	same := "the function that makes the processor returned the same one twice"
	for name, describe := range map[string]func(s *stream, b *streams.Builder){
		"Process":          func(s *stream, _ *streams.Builder) { streams.Process(s, always(&summer{}), tally) },
		"of the package":   func(s *stream, _ *streams.Builder) { streams.Process(s, always(globalShared), tally) },
		"behind a wrapper": func(s *stream, _ *streams.Builder) { streams.Process(s, always(logging{&summer{}}), tally) },
		"behind two": func(s *stream, _ *streams.Builder) {
			streams.Process(s, always(logging{&logging{&summer{}}}), tally)
		},
		"behind a new one": func(s *stream, _ *streams.Builder) {
			one := &summer{}
			streams.Process(s, func() streams.Processor[string, string, string, string] { return &logging{one} }, tally)
		},
		"a map": func(s *stream, _ *streams.Builder) { streams.Process(s, always(countsByKey{}), tally) },
		"in a list": func(s *stream, _ *streams.Builder) {
			one := textProcessor(&summer{})
			streams.Process(s, func() textProcessor { return &several{list: []textProcessor{&summer{}, one}} }, tally)
		},
		"ProcessValues": func(s *stream, _ *streams.Builder) {
			one := &valueSummer{}
			streams.ProcessValues(s, func() streams.FixedKeyProcessor[string, string, string] { return one })
		},
		"of a table": func(_ *stream, b *streams.Builder) {
			one := &valueSummer{}
			changes := streams.TableFrom(b, other, rows).ToStream()
			streams.ProcessValues(changes, func() streams.FixedKeyProcessor[string, string, string] { return one })
		},
		"GlobalProcess": func(_ *stream, b *streams.Builder) {
			one := &globalSummer{}
			streams.GlobalProcess(b, other, func() streams.Processor[string, string, struct{}, struct{}] { return one })
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			describe(streams.From(b, in), b)
			_, err := b.Build()
			require.ErrorContains(t, err, "shared_test.go:")
			require.ErrorContains(t, err, same)
			require.ErrorContains(t, err, "make it within the function")
		})
	}
}

// countsByKey is a processor that is a map.
type countsByKey map[string]int

func (c countsByKey) Process(_ *textContext, r record) error {
	c[r.Key]++
	return nil
}

// TestOneProcessorForTwoSteps is found, too, with both.
func TestOneProcessorForTwoSteps(t *testing.T) {
	var made []*summer
	n := 0
	next := func() streams.Processor[string, string, string, string] {
		if n++; n <= 2 {
			made = append(made, &summer{})
			return made[n-1]
		}
		return made[n-3]
	}
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	streams.Process(s, next, tally)
	streams.Process(s, next, tally)
	_, err := b.Build()
	require.ErrorContains(t, err, "step process-2: the function that makes the processor returned the one of step process-1 (")
}

// TestProcessorsThatMayBeTheSame: what is no pointer, or a pointer to nothing, remembers nothing in common.
func TestProcessorsThatMayBeTheSame(t *testing.T) {
	seen := 0
	count := call(func(record) error { seen++; return nil })
	for _, p := range []streams.Processor[string, string, string, string]{
		count, nothing{}, &nothing{}, loud{word: "a"}, logging{nothing{}}, logging{count},
	} {
		b := streams.NewBuilder("app")
		s := streams.From(b, in)
		streams.Process(s, always(p))
		streams.Process(s, always(p))
		d := drive(t, b, testkit.Partitions(2))
		pipe(d, rec("k", "v", 1), rec("l", "v", 2))
		d.Restart()
	}
	require.Equal(t, 4+4, seen, "two steps, two records, by itself and in another one")
}

// TestAProcessorThatHadAnEarlierTask: a function that gives what it has given before is found when the task starts.
func TestAProcessorThatHadAnEarlierTask(t *testing.T) {
	var made []*summer
	reuse := false
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		if reuse {
			return made[2]
		}
		made = append(made, &summer{})
		return made[len(made)-1]
	}, tally)
	d, err := testkit.NewDriver(build(t, b))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	pipe(d, rec("k", "v", 1))
	d.Restart()
	require.NoError(t, d.Err())
	reuse = true
	d.Restart()
	require.ErrorContains(t, d.Err(), "task 0_0, step process-1 (")
	require.ErrorContains(t, d.Err(), "the function that makes the processor returned the same one twice")
}

// TestTwoTasksOfOneProcessor are found when the second one starts.
func TestTwoTasksOfOneProcessor(t *testing.T) {
	calls, shared := 0, &summer{}
	b := streams.NewBuilder("app")
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		if calls++; calls <= 2 {
			return &summer{}
		}
		return shared
	}, tally)
	topo := build(t, b)
	_, err := testkit.NewDriver(topo, testkit.Partitions(2))
	require.ErrorContains(t, err, "the function that makes the processor returned the same one twice")
}

// tiny is so small that Go puts several into one block of memory.
type tiny struct{ n int8 }

func (p *tiny) Process(*textContext, record) error { p.n++; return nil }

// TestTinyProcessorsAreNotTakenForEachOther, however many tasks there are and were.
func TestTinyProcessorsAreNotTakenForEachOther(t *testing.T) {
	b := streams.NewBuilder("app")
	for range 5 {
		streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] { return &tiny{} })
	}
	d := drive(t, b, testkit.Partitions(20))
	for range 5 {
		runtime.GC()
		d.Restart()
	}
	one := &tiny{}
	b = streams.NewBuilder("app")
	streams.Process(streams.From(b, in), always(one))
	_, err := b.Build()
	require.ErrorContains(t, err, "returned the same one twice")
}

// TestAFunctionThatMakesNoProcessor is a mistake that Build tells; one that panics may do so until a task starts.
func TestAFunctionThatMakesNoProcessor(t *testing.T) {
	for _, none := range []streams.Processor[string, string, string, string]{nil, (*nothing)(nil)} {
		b := streams.NewBuilder("app")
		streams.Process(streams.From(b, in), always(none))
		_, err := b.Build()
		require.ErrorContains(t, err, "the function that makes the processor returned nil")
	}

	b := streams.NewBuilder("app")
	ready := false
	streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		if !ready {
			panic("not ready")
		}
		return nothing{}
	})
	topo := build(t, b)
	ready = true
	testkit.New(t, topo)
}

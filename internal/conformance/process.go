package conformance

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func (b *build) process(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	var out *stream
	switch n.Fn {
	case "bufferFlush":
		store := placed(b, n.Store, state.NewKeyValue(n.Store, serde.String, serde.String))
		out = streams.Process(s.stream, func() streams.Processor[string, string, string, string] {
			return &bufferFlush{declared: store, node: n}
		}, store)
	case "dedupe":
		store := placed(b, n.Store, state.NewKeyValue(n.Store, serde.String, serde.Int64))
		out = streams.Process(s.stream, func() streams.Processor[string, string, string, string] {
			return &dedupe{declared: store, ttl: n.TTLMs}
		}, store)
	default:
		return nil, fmt.Errorf("unknown processor %q", n.Fn)
	}
	return keyed{out, true}, nil
}

// bufferFlush joins the texts of a key until a punctuation forwards them.
type bufferFlush struct {
	declared state.KeyValue[string, string]
	store    state.KeyValueStore[string, string]
	node     Node
}

func (p *bufferFlush) Init(ctx *streams.Context[string, string]) error {
	p.store = p.declared.In(ctx)
	clock := streams.StreamTime
	if p.node.Time == "wall" {
		clock = streams.WallClockTime
	}
	ctx.Schedule(ms(p.node.EveryMs), clock, func(now int64) error { return p.flush(ctx, now) })
	return nil
}

func (p *bufferFlush) Process(_ *streams.Context[string, string], r record) error {
	if r.NullKey {
		return nil
	}
	text, ok, err := p.store.Get(r.Key)
	if err != nil {
		return err
	}
	if ok {
		text += ","
	}
	return p.store.Put(r.Key, text+word(value(r)), r.Timestamp)
}

func (p *bufferFlush) flush(ctx *streams.Context[string, string], now int64) error {
	for row, err := range p.store.All() {
		if err != nil {
			return err
		}
		out := record{Key: row.Key, Value: fmt.Sprintf("%s@%d", row.Value, now), Timestamp: now}
		if err := ctx.Forward(out); err != nil {
			return err
		}
		if err := p.store.Delete(row.Key, now); err != nil {
			return err
		}
	}
	return nil
}

// dedupe forwards a record unless one with its key was forwarded within the ttl.
type dedupe struct {
	declared state.KeyValue[string, int64]
	store    state.KeyValueStore[string, int64]
	ttl      int64
}

func (p *dedupe) Init(ctx *streams.Context[string, string]) error {
	p.store = p.declared.In(ctx)
	return nil
}

func (p *dedupe) Process(ctx *streams.Context[string, string], r record) error {
	if r.NullKey {
		return nil
	}
	at, ok, err := p.store.Get(r.Key)
	if err != nil || ok && r.Timestamp-at <= p.ttl {
		return err
	}
	if err := p.store.Put(r.Key, r.Timestamp, r.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(r)
}

func (b *build) processValues(n Node) (any, error) {
	s, err := b.stream(n.In)
	if err != nil {
		return nil, err
	}
	if n.Fn != "running" {
		return nil, fmt.Errorf("unknown processor %q", n.Fn)
	}
	store := placed(b, n.Store, state.NewKeyValue(n.Store, serde.String, serde.Int64))
	out := streams.ProcessValues(s.stream, func() streams.FixedKeyProcessor[string, string, string] {
		return &running{declared: store}
	}, store)
	return keyed{out, s.rekeyed}, nil
}

// running numbers the records of a key.
type running struct {
	declared state.KeyValue[string, int64]
	store    state.KeyValueStore[string, int64]
}

func (p *running) Init(ctx *streams.FixedKeyContext[string, string]) error {
	p.store = p.declared.In(ctx)
	return nil
}

func (p *running) Process(
	ctx *streams.FixedKeyContext[string, string], r streams.FixedKeyRecord[string, string],
) error {
	in := r.Record()
	if in.NullKey {
		return nil
	}
	n, _, err := p.store.Get(in.Key)
	if err != nil {
		return err
	}
	if err := p.store.Put(in.Key, n+1, in.Timestamp); err != nil {
		return err
	}
	return ctx.Forward(streams.FixedKeyValue(r, streams.Some(fmt.Sprintf("%s#%d", word(value(in)), n+1))))
}

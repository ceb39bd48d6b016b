package operator

import (
	"bytes"
	"hash/maphash"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// PerCommit passes on one change of each row for each commit: from the row before the first to the row after the last
// of them, with the timestamp and headers of the last. Rows come in the order of their first change. Two keys are one
// if keys gives them the same bytes, as in a store.
func PerCommit[K, V any](keys serde.Serde[K]) processor[K, change[V], K, change[V]] {
	return &perCommit[K, V]{keys: keys, index: newKeyIndex()}
}

type perCommit[K, V any] struct {
	keys    serde.Serde[K]
	changes []record[K, change[V]] // since the last commit
	index   keyIndex               // of the keys of changes
	undo    []undone[K, V]         // since Mark
	key     []byte                 // scratch
}

// undone is a change as it was before a record.
type undone[K, V any] struct {
	at  int
	was record[K, change[V]]
	new bool // there was none
}

func (p *perCommit[K, V]) Init(ctx *context[K, change[V]]) error {
	p.keys = graph.Checked(ctx, p.keys)
	return nil
}

func (p *perCommit[K, V]) Process(_ *context[K, change[V]], r record[K, change[V]]) (err error) {
	if r.Value.Stale {
		return nil
	}
	if p.key, err = p.keys.Append(p.key[:0], r.Key); err != nil {
		return err
	}
	i, known := p.index.find(p.key)
	if !known {
		p.undo = append(p.undo, undone[K, V]{at: i, new: true})
		p.changes = append(p.changes, r)
		return nil
	}
	p.undo = append(p.undo, undone[K, V]{at: i, was: p.changes[i]})
	r.Value.Old = p.changes[i].Value.Old
	p.changes[i] = r
	return nil
}

// Mark makes the present changes those that Undo returns to.
func (p *perCommit[K, V]) Mark() { p.undo = p.undo[:0] }

// Undo takes back the changes since Mark.
func (p *perCommit[K, V]) Undo() {
	for i := len(p.undo) - 1; i >= 0; i-- {
		u := p.undo[i]
		if u.new {
			p.index.dropLast()
			p.changes = p.changes[:u.at]
			continue
		}
		p.changes[u.at] = u.was
	}
	p.Mark()
}

// BeforeCommit passes the changes on.
func (p *perCommit[K, V]) BeforeCommit(ctx *context[K, change[V]]) error {
	changes := p.changes
	p.changes, p.undo = nil, p.undo[:0]
	p.index.clear()
	for _, r := range changes {
		if !r.Value.Old.OK && !r.Value.New.OK {
			continue
		}
		if err := ctx.Forward(r); err != nil {
			return err
		}
	}
	return nil
}

// keyIndex numbers keys in the order in which they come. It allocates nothing for a key but the room that it takes.
type keyIndex struct {
	seed  maphash.Seed
	last  map[uint64]int // of the keys with a hash, the number of the last one
	known []knownKey
	bytes []byte // of all keys
}

type knownKey struct {
	hash uint64
	end  int // of its bytes, which begin where those of the one before end
	same int // the one before it with this hash, -1 for none
}

func newKeyIndex() keyIndex { return keyIndex{seed: maphash.MakeSeed(), last: map[uint64]int{}} }

// find is the number of a key, which gets the next one if it has none.
func (x *keyIndex) find(key []byte) (number int, known bool) {
	hash := maphash.Bytes(x.seed, key)
	last, ok := x.last[hash]
	if !ok {
		last = -1
	}
	for i := last; i >= 0; i = x.known[i].same {
		if bytes.Equal(x.key(i), key) {
			return i, true
		}
	}
	number = len(x.known)
	x.bytes = append(x.bytes, key...)
	x.known = append(x.known, knownKey{hash: hash, end: len(x.bytes), same: last})
	x.last[hash] = number
	return number, false
}

func (x *keyIndex) start(i int) int {
	if i == 0 {
		return 0
	}
	return x.known[i-1].end
}

func (x *keyIndex) key(i int) []byte { return x.bytes[x.start(i):x.known[i].end] }

// dropLast forgets the key that came last.
func (x *keyIndex) dropLast() {
	i := len(x.known) - 1
	k := x.known[i]
	if x.last[k.hash] = k.same; k.same < 0 {
		delete(x.last, k.hash)
	}
	x.bytes, x.known = x.bytes[:x.start(i)], x.known[:i]
}

// clear forgets all keys.
func (x *keyIndex) clear() {
	clear(x.last)
	x.known, x.bytes = x.known[:0], x.bytes[:0]
}

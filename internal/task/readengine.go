package task

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// readEngine shows the rows of one store in several tasks as those of one database, in the order of their keys, with
// the prefix that the store has in the first one. A key is in one of them only. It belongs to one goroutine.
type readEngine struct {
	parts   []readPart
	scratch []byte
	at      int // of parts: where the row that was read last is
}

// readPart is the rows of one task.
type readPart struct {
	view   store.View
	prefix []byte
	spec   storage.Spec // nil unless rows before oldest have expired
	oldest int64
}

// setTimes gives the store the latest stream time of its tasks. Where others are behind, rows that have not expired in
// theirs are kept in sight, and what has expired in a task is hidden here.
func (e *readEngine) setTimes(s storage.Store, spec storage.Spec, times []int64) {
	first, last := times[0], times[0]
	for _, t := range times {
		first, last = min(first, t), max(last, t)
	}
	s.SetTime(last)
	lag, ok := s.(interface {
		Widen(by int64) (oldest func(time int64) int64)
	})
	if first == last || !ok || !storage.KindExpires(spec.Kind()) {
		return
	}
	oldest := lag.Widen(last - max(first, 0))
	for i := range e.parts {
		e.parts[i].spec, e.parts[i].oldest = spec, oldest(times[i])
	}
}

func (e *readEngine) prefix() []byte { return e.parts[0].prefix }

func (e *readEngine) Get(dst, key []byte) ([]byte, bool, error) {
	for i := range e.parts {
		p := &e.parts[i]
		if p.hides(key) {
			continue
		}
		e.scratch = append(append(e.scratch[:0], p.prefix...), key[len(p.prefix):]...)
		value, ok, err := p.view.Get(dst, e.scratch)
		if ok || err != nil {
			e.at = i
			return value, ok, err
		}
	}
	return dst, false, nil
}

// hides is true for a row that has expired in this task.
func (p *readPart) hides(key []byte) bool {
	if p.spec == nil {
		return false
	}
	own := key[len(p.prefix):]
	at, ok := storage.RowTime(p.spec, own)
	return ok && int64(binary.BigEndian.Uint64(own[at:])) < p.oldest
}

func (e *readEngine) Scan(lower, upper []byte, reverse bool) (store.Iterator, error) {
	m := &mergedRows{engine: e, prefix: e.prefix(), reverse: reverse}
	for i := range e.parts {
		p := &e.parts[i]
		it, err := p.view.Scan(p.bound(e.prefix(), lower), p.bound(e.prefix(), upper), reverse)
		if err != nil {
			return nil, errors.Join(err, m.Close())
		}
		m.parts = append(m.parts, mergedPart{part: p, it: it})
	}
	return m, nil
}

// bound is a bound of the rows with a prefix as one of this task's.
func (p *readPart) bound(prefix, b []byte) []byte {
	if rest, ok := bytes.CutPrefix(b, prefix); ok {
		return append(bytes.Clone(p.prefix), rest...)
	}
	return rows.After(p.prefix) // behind all rows of the store: nothing asks for less than all
}

func (e *readEngine) NewBatch() store.Batch { return noBatch{} }
func (e *readEngine) Close() error          { return nil }

// noBatch refuses everything.
type noBatch struct{}

func (noBatch) Set(_, _ []byte) error         { return rows.ErrReadOnly }
func (noBatch) Delete([]byte) error           { return rows.ErrReadOnly }
func (noBatch) DeleteRange(_, _ []byte) error { return rows.ErrReadOnly }
func (noBatch) Len() int                      { return 0 }
func (noBatch) Commit() error                 { return rows.ErrReadOnly }
func (noBatch) Close() error                  { return nil }

// mergedRows is a walk over the rows of all tasks, in the order of their keys.
type mergedRows struct {
	engine  *readEngine
	prefix  []byte
	parts   []mergedPart
	reverse bool
	begun   bool
	at      int // of parts
	key     []byte
}

// mergedPart is the walk over the rows of one task.
type mergedPart struct {
	part *readPart
	it   store.Iterator
	more bool // it stands on a row that has not been passed
}

func (p *mergedPart) next() {
	for p.more = p.it.Next(); p.more && p.part.hides(p.it.Key()); p.more = p.it.Next() {
	}
}

func (p *mergedPart) own() []byte { return p.it.Key()[len(p.part.prefix):] }

func (m *mergedRows) Next() bool {
	if !m.begun {
		m.begun = true
		for i := range m.parts {
			m.parts[i].next()
		}
	} else {
		m.parts[m.at].next()
	}
	m.at = -1
	for i := range m.parts {
		if m.parts[i].more && (m.at < 0 || m.before(m.parts[i].own(), m.parts[m.at].own())) {
			m.at = i
		}
	}
	if m.at < 0 {
		m.at = 0
		return false
	}
	m.engine.at = m.at
	m.key = append(append(m.key[:0], m.prefix...), m.parts[m.at].own()...)
	return true
}

func (m *mergedRows) before(a, b []byte) bool {
	if m.reverse {
		return bytes.Compare(a, b) > 0
	}
	return bytes.Compare(a, b) < 0
}

func (m *mergedRows) Key() []byte   { return m.key }
func (m *mergedRows) Value() []byte { return m.parts[m.at].it.Value() }

func (m *mergedRows) Close() error {
	var errs []error
	for i := range m.parts {
		errs = append(errs, m.parts[i].it.Close())
	}
	return errors.Join(errs...)
}

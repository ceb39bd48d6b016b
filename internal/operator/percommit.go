package operator

import "github.com/millstream-go/millstream/topology"

// PerCommit passes on one change of each row for each commit: from the row before the first to the row after the last
// of them, with the timestamp and headers of the last. Rows come in the order of their first change.
func PerCommit[K comparable, V any]() processor[K, change[V], K, change[V]] {
	return &perCommit[K, V]{at: map[K]int{}}
}

type perCommit[K comparable, V any] struct {
	topology.Contextual[K, change[V]]
	changes []record[K, change[V]] // since the last commit
	at      map[K]int              // where the change of a key is
	undo    []undone[K, V]         // since Mark
}

// undone is a change as it was before a record.
type undone[K comparable, V any] struct {
	at  int
	was record[K, change[V]]
	new bool // there was none
}

func (p *perCommit[K, V]) Process(r record[K, change[V]]) error {
	if r.Value.Stale {
		return nil
	}
	i, ok := p.at[r.Key]
	if !ok {
		p.undo = append(p.undo, undone[K, V]{at: len(p.changes), new: true})
		p.at[r.Key] = len(p.changes)
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
			delete(p.at, p.changes[u.at].Key)
			p.changes = p.changes[:u.at]
			continue
		}
		p.changes[u.at] = u.was
	}
	p.Mark()
}

// BeforeCommit passes the changes on.
func (p *perCommit[K, V]) BeforeCommit() error {
	changes := p.changes
	p.changes, p.undo = nil, p.undo[:0]
	clear(p.at)
	for _, r := range changes {
		if !r.Value.Old.OK && !r.Value.New.OK {
			continue
		}
		if err := p.Ctx.Forward(r); err != nil {
			return err
		}
	}
	return nil
}

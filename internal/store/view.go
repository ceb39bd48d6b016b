package store

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// View is the rows of an engine as they were after one of its commits. Any goroutine may use it, and whoever does never
// waits for the engine's writer, nor that for them.
type View interface {
	// Get appends the value of key to dst; ok is false if there is no such row. The caller owns the result.
	Get(dst, key []byte) (value []byte, ok bool, err error)
	// Scan shows the rows with lower <= key < upper. A nil upper is no bound. The bounds may be reused after the call;
	// each Iterator is for one goroutine.
	Scan(lower, upper []byte, reverse bool) (Iterator, error)
	// Close lets the rows go. What is asked behind it, or behind the engine's Close, is answered with ErrClosed.
	Close()
}

// Viewer is implemented by engines that show what was committed to any goroutine.
type Viewer interface {
	// View is the rows as of the last commit, and no older.
	View() (View, error)
}

// ErrClosed means that an engine was closed while its rows were read: its task has gone. Ask again.
var ErrClosed = errors.New("store: closed")

// views are the snapshots of a database. All who read between two commits share one.
//
// A commit must not wait for readers: it only counts, and takes the current snapshot away. Readers hold gate for each
// single call, so that Close, which has it alone, meets no call under way. Those behind it find the database closed.
type views struct {
	commits atomic.Int64
	current atomic.Pointer[snapshot]
	making  sync.Mutex   // of readers: one made meanwhile, before a commit, would take the place of one made behind it
	gate    sync.RWMutex // held to read by each call, for no longer
	closed  bool         // under gate

	mu struct {
		sync.Mutex // taken by readers, and by a commit that ends a snapshot
		snapshots  map[*snapshot]struct{}
		iterators  map[*viewIterator]struct{}
	}
}

// snapshot is one of Pebble's, shared.
type snapshot struct {
	db      *database
	rows    *pebble.Snapshot
	commits int64        // before it was made: it may show one more
	users   atomic.Int64 // with one for being current; at 0 it is closed, for good
}

// changed tells that there was a commit.
func (v *views) changed() error {
	v.commits.Add(1)
	if s := v.current.Swap(nil); s != nil {
		return s.release()
	}
	return nil
}

// View is the rows as of the last commit.
func (d *database) View() (view View, err error) {
	v := &d.views
	v.gate.RLock()
	defer v.gate.RUnlock()
	if v.closed {
		return nil, ErrClosed
	}
	if err := d.health.err(); err != nil {
		return nil, err
	}
	defer d.health.recovered(&err)
	if s := v.shared(); s != nil {
		return &pebbleView{snapshot: s}, nil
	}
	v.making.Lock()
	defer v.making.Unlock()
	if s := v.shared(); s != nil {
		return &pebbleView{snapshot: s}, nil
	}
	s := &snapshot{db: d, commits: v.commits.Load()}
	s.rows = d.db.NewSnapshot()
	s.users.Store(2) // the caller, and the place of the current one
	v.mu.Lock()
	if v.mu.snapshots == nil {
		v.mu.snapshots, v.mu.iterators = map[*snapshot]struct{}{}, map[*viewIterator]struct{}{}
	}
	v.mu.snapshots[s] = struct{}{}
	v.mu.Unlock()
	if old := v.current.Swap(s); old != nil {
		if err := old.release(); err != nil {
			return nil, d.error(err)
		}
	}
	return &pebbleView{snapshot: s}, nil
}

// shared is the current snapshot, with one user more; nil if there is none, or a commit behind it.
func (v *views) shared() *snapshot {
	if s := v.current.Load(); s != nil && s.commits == v.commits.Load() && s.acquire() {
		return s
	}
	return nil
}

// acquire counts one user more, unless there is none any more.
func (s *snapshot) acquire() bool {
	for {
		n := s.users.Load()
		if n == 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release counts one user less; the last one closes the snapshot.
func (s *snapshot) release() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	v := &s.db.views
	v.mu.Lock()
	_, open := v.mu.snapshots[s]
	delete(v.mu.snapshots, s)
	v.mu.Unlock()
	if !open {
		return nil // with the database
	}
	return s.rows.Close()
}

// close ends all snapshots and iterators, once no call is under way.
func (v *views) close() error {
	v.gate.Lock()
	defer v.gate.Unlock()
	v.closed = true
	v.mu.Lock()
	defer v.mu.Unlock()
	var errs []error
	for i := range v.mu.iterators {
		errs = append(errs, i.it.Close())
	}
	for s := range v.mu.snapshots {
		errs = append(errs, s.rows.Close())
	}
	v.mu.iterators, v.mu.snapshots = nil, nil
	return errors.Join(errs...)
}

// pebbleView is one user of a snapshot.
type pebbleView struct {
	snapshot *snapshot
	over     atomic.Bool
}

// enter begins a call; leave ends it, also after an error.
func (p *pebbleView) enter() error {
	d := p.snapshot.db
	d.views.gate.RLock()
	if p.over.Load() || d.views.closed {
		return ErrClosed
	}
	return d.health.err()
}

func (p *pebbleView) leave() { p.snapshot.db.views.gate.RUnlock() }

func (p *pebbleView) Get(dst, key []byte) (value []byte, ok bool, err error) {
	defer p.leave()
	if err := p.enter(); err != nil {
		return dst, false, err
	}
	d := p.snapshot.db
	defer d.health.recovered(&err)
	v, closer, err := p.snapshot.rows.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, d.error(err)
	}
	return append(dst, v...), true, d.error(closer.Close())
}

func (p *pebbleView) Scan(lower, upper []byte, reverse bool) (it Iterator, err error) {
	defer p.leave()
	if err := p.enter(); err != nil {
		return nil, err
	}
	d := p.snapshot.db
	defer d.health.recovered(&err)
	lower, upper = bounds(lower, upper)
	rows, err := p.snapshot.rows.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, d.error(err)
	}
	i := &viewIterator{view: p, pebbleIterator: pebbleIterator{db: d, it: rows, reverse: reverse, commits: -1}}
	d.views.mu.Lock()
	d.views.mu.iterators[i] = struct{}{}
	d.views.mu.Unlock()
	return i, nil
}

func (p *pebbleView) Close() {
	d := p.snapshot.db
	d.views.gate.RLock()
	defer d.views.gate.RUnlock()
	if p.over.Swap(true) || d.views.closed || d.health.stuck.Load() {
		return
	}
	var failed error // is told to who reads the database next
	defer d.health.recovered(&failed)
	_ = p.snapshot.release()
}

// viewIterator is an iterator that the database may close before its user does.
type viewIterator struct {
	pebbleIterator
	view   *pebbleView
	failed error
	key    []byte // its own: Pebble's end with the database
	value  []byte
}

func (i *viewIterator) Next() bool {
	defer i.view.leave()
	if i.failed = i.view.enter(); i.failed != nil {
		return false
	}
	if !i.pebbleIterator.Next() {
		return false
	}
	i.key = append(i.key[:0], i.it.Key()...)
	i.value = append(i.value[:0], i.it.Value()...)
	return true
}

func (i *viewIterator) Key() []byte   { return i.key }
func (i *viewIterator) Value() []byte { return i.value }

func (i *viewIterator) Close() error {
	v := &i.db.views
	v.gate.RLock()
	defer v.gate.RUnlock()
	v.mu.Lock()
	_, open := v.mu.iterators[i]
	delete(v.mu.iterators, i)
	v.mu.Unlock()
	if !open {
		return i.failed
	}
	return errors.Join(i.failed, i.pebbleIterator.Close())
}

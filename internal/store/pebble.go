package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the settings of a database on disk.
type Options struct {
	Budget *Budget      // shared by all databases of the process; needed
	Logger *slog.Logger // nil: slog.Default(). Pebble's own messages are at debug and warn
	FS     vfs.FS       // nil: the disk
}

// database is an engine on Pebble.
type database struct {
	db     *pebble.DB
	health *health
	disk   *disk
	idle   idle
	views  views
}

// OpenPebble opens, or creates, the database of a directory. A damaged one gives ErrCorrupt, one that is in use
// ErrLocked, and a disk that cannot be written ErrDisk.
func OpenPebble(dir string, o Options) (Engine, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	h := &health{dir: dir, logger: o.Logger}
	d := &database{health: h, disk: &disk{FS: o.FS, health: h}}
	if err := d.open(pebbleOptions(o.Budget, d.disk)); err != nil {
		return nil, err
	}
	if h.err() != nil { // it was met on the way, and Pebble does not know
		return nil, d.Close()
	}
	return d, nil
}

func (d *database) open(o *pebble.Options) (err error) {
	defer func() {
		if d.health.stuck.Load() {
			err = errors.Join(err, d.disk.unlock())
		}
	}()
	defer d.health.recovered(&err)
	d.db, err = pebble.Open(d.health.dir, o)
	if err != nil {
		return d.openError(err)
	}
	return nil
}

func pebbleOptions(budget *Budget, d *disk) *pebble.Options {
	o := &pebble.Options{
		FS:                          d,
		Cache:                       budget.cache,
		FileCache:                   budget.files,
		MemTableSize:                budget.memtable,
		MemTableStopWritesThreshold: memtablesPerDatabase + 1,
		// Commits wait when compactions fall far behind, in a long restore. With Pebble's 12 they wait too soon for
		// the small memtables of a process with many tasks.
		L0CompactionThreshold: 8, // rows that are read often are in memory, above Pebble: fewer compactions
		L0StopWritesThreshold: 40,
		FormatMajorVersion:    pebble.FormatNewest,
		Logger:                d.health,
		EventListener: &pebble.EventListener{
			// By default Pebble ends the process.
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				d.fail(ErrCorrupt, fmt.Errorf("file %s: %w", i.Path, i.Details))
			},
			BackgroundError: d.background,
		},
	}
	// Pebble's own has a goroutine for each database that looks ten times a second whether there may be more compactions
	// at once than one. Here there may not; the next one begins when one is done.
	o.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range o.Levels {
		// What is rewritten soon is not worth the work; most rows are in the last level.
		compression := block.NoCompression
		if i == len(o.Levels)-1 {
			compression = block.SnappyCompression
		}
		o.Levels[i].Compression = func() *block.CompressionProfile { return compression }
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

func (d *database) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if err := d.health.err(); err != nil {
		return dst, false, err
	}
	defer d.health.recovered(&err)
	v, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, d.error(err)
	}
	return append(dst, v...), true, d.error(closer.Close())
}

// smallestKey stands for an empty lower bound, and as both bounds for a range without rows: Pebble takes an empty upper
// bound for none.
var smallestKey = []byte{0}

// bounds are those of a scan as Pebble takes them.
func bounds(lower, upper []byte) (l, u []byte) {
	if upper != nil && bytes.Compare(lower, upper) >= 0 {
		return smallestKey, smallestKey
	}
	if len(lower) == 0 {
		return smallestKey, upper
	}
	return lower, upper
}

func (d *database) Scan(lower, upper []byte, reverse bool) (it Iterator, err error) {
	if err := d.health.err(); err != nil {
		return nil, err
	}
	defer d.health.recovered(&err)
	lower, upper = bounds(lower, upper)
	i, commits := d.idle.take()
	if i != nil {
		i.it.SetBounds(lower, upper)
		i.reverse, i.started = reverse, false
		return i, nil
	}
	rows, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, d.error(err)
	}
	return &pebbleIterator{db: d, it: rows, reverse: reverse, commits: commits}, nil
}

func (d *database) NewBatch() Batch { return &pebbleBatch{db: d, batch: d.db.NewBatch()} }

// Close flushes first: Pebble's own Close leaves the memtables to the log. After a failure there is nothing to flush
// to.
func (d *database) Close() (err error) {
	defer d.health.recovered(&err)
	if d.health.stuck.Load() {
		return errors.Join(d.health.err(), d.disk.unlock())
	}
	err = d.error(errors.Join(d.views.close(), d.idle.close()))
	if d.health.err() == nil {
		err = errors.Join(err, d.error(d.db.Flush()))
	}
	err = errors.Join(err, d.error(d.db.Close()))
	if failure := d.health.err(); failure != nil {
		return failure
	}
	return err
}

// error makes Pebble's errors recognisable to callers that do not know Pebble.
func (d *database) error(err error) error {
	switch {
	case err == nil:
		return nil
	case d.health.err() != nil:
		return d.health.err()
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("%w: database %s: %w", ErrCorrupt, d.health.dir, err)
	}
	return fmt.Errorf("store: database %s: %w", d.health.dir, err)
}

// openError is error for the reading of all files that opening is. What the operating system did not refuse is due
// to what is in them, or to one that is missing: Pebble marks only some of that as corruption.
func (d *database) openError(err error) error {
	var refused syscall.Errno
	switch {
	case errors.Is(err, ErrLocked), errors.Is(err, ErrDisk), errors.Is(err, ErrCorrupt):
		return err
	case d.health.err() != nil:
		return d.health.err()
	case errors.As(err, &refused) && !errors.Is(err, fs.ErrNotExist):
		return d.error(err)
	}
	return fmt.Errorf("%w: database %s: %w", ErrCorrupt, d.health.dir, err)
}

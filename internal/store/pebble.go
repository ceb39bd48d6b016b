package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are the settings of a database on disk.
type Options struct {
	Budget *Budget
	Logger *slog.Logger // nil: slog.Default()
	FS     vfs.FS       // nil: the disk
}

// database is an engine on Pebble.
//
// The write-ahead log is on, but not synced to the disk: a batch survives the death of the process, as the log is in
// the page cache by then, and the changelog has what a dead machine loses. Without the log all since the last memtable
// flush would have to be replayed.
type database struct {
	db *pebble.DB
}

// OpenPebble opens, or creates, the database of a directory. A damaged one gives ErrCorrupt.
func OpenPebble(dir string, o Options) (engine Engine, err error) {
	defer recoverCorruption(&err)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	db, err := pebble.Open(dir, pebbleOptions(o))
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", dir, mark(err))
	}
	return &database{db}, nil
}

func pebbleOptions(o Options) *pebble.Options {
	opts := &pebble.Options{
		FS:                          unsyncedLogs{o.FS},
		Cache:                       o.Budget.cache,
		MemTableSize:                o.Budget.memtable,
		MemTableStopWritesThreshold: memtablesPerDatabase + 1,
		L0CompactionThreshold:       8,  // what is read most is in memory, above Pebble: fewer compactions are worth slower reads
		L0StopWritesThreshold:       40, // in sublevels, as the other
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{o.Logger},
		MaxOpenFiles:                500,
		EventListener: &pebble.EventListener{
			// By default Pebble ends the process. The read that found the damage returns it as an error.
			DataCorruption: func(i pebble.DataCorruptionInfo) {
				o.Logger.Warn("pebble: damaged file", "file", i.Path, "error", i.Details.Error())
			},
			BackgroundError: func(err error) { o.Logger.Warn("pebble: background work failed", "error", err) },
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return opts
}

func (d *database) Get(dst, key []byte) (value []byte, ok bool, err error) {
	v, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, mark(err)
	}
	dst = append(dst, v...)
	return dst, true, mark(closer.Close())
}

func (d *database) Scan(lower, upper []byte, reverse bool) (Iterator, error) {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, mark(err)
	}
	return &pebbleIterator{it: it, reverse: reverse}, nil
}

func (d *database) NewBatch() Batch { return &pebbleBatch{batch: d.db.NewBatch()} }

// Close flushes first: Pebble's own Close leaves the memtables to the log.
func (d *database) Close() error {
	return mark(errors.Join(d.db.Flush(), d.db.Close()))
}

type pebbleIterator struct {
	it      *pebble.Iterator
	reverse bool
	started bool
}

func (i *pebbleIterator) Next() bool {
	first := !i.started
	i.started = true
	switch {
	case first && i.reverse:
		return i.it.Last()
	case first:
		return i.it.First()
	case i.reverse:
		return i.it.Prev()
	}
	return i.it.Next()
}

func (i *pebbleIterator) Key() []byte   { return i.it.Key() }
func (i *pebbleIterator) Value() []byte { return i.it.Value() }
func (i *pebbleIterator) Close() error  { return mark(i.it.Close()) }

type pebbleBatch struct {
	batch *pebble.Batch
}

func (b *pebbleBatch) Set(key, value []byte) error { return mark(b.batch.Set(key, value, nil)) }
func (b *pebbleBatch) Delete(key []byte) error     { return mark(b.batch.Delete(key, nil)) }

func (b *pebbleBatch) DeleteRange(lower, upper []byte) error {
	return mark(b.batch.DeleteRange(lower, upper, nil))
}

func (b *pebbleBatch) Commit() (err error) {
	if b.batch == nil {
		return errors.New("store: batch is closed")
	}
	defer recoverCorruption(&err)
	if b.batch.Empty() {
		return nil
	}
	return mark(b.batch.Commit(pebble.Sync))
}

func (b *pebbleBatch) Close() error {
	if b.batch == nil {
		return nil
	}
	batch := b.batch
	b.batch = nil
	return batch.Close()
}

// mark makes damage recognisable to callers that do not know Pebble.
func mark(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// logger passes Pebble's messages on. Its errors are returned where they matter; the log is for reading afterwards.
type logger struct{ *slog.Logger }

func (l logger) Infof(format string, args ...any) { l.print(slog.LevelDebug, format, args) }

func (l logger) Errorf(format string, args ...any) { l.print(slog.LevelWarn, format, args) }

// Fatalf must not return. It panics instead of ending the process; what calls Pebble turns that into an error.
func (l logger) Fatalf(format string, args ...any) {
	l.print(slog.LevelError, format, args)
	panic(fatal(fmt.Sprintf(format, args...)))
}

func (l logger) print(level slog.Level, format string, args []any) {
	if ctx := context.Background(); l.Enabled(ctx, level) {
		l.Log(ctx, level, "pebble: "+fmt.Sprintf(format, args...))
	}
}

// fatal is what Pebble says before it gives up.
type fatal string

func recoverCorruption(err *error) {
	switch v := recover().(type) {
	case nil:
	case fatal:
		*err = fmt.Errorf("%w: %s", ErrCorrupt, string(v))
	default:
		panic(v)
	}
}

package statetest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/state/statetest"
)

// TestFile shows that an engine written by a user passes. It takes fewer rounds than usual, as the engine writes all it
// has with each commit.
func TestFile(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value
	usual := checks.String()
	require.NoError(t, checks.Set("20"))
	t.Cleanup(func() { require.NoError(t, checks.Set(usual)) })
	statetest.Run(t, openFile)
}

// file is an engine for few rows: all of them in a sorted slice, and in one file that is replaced by each commit. A
// slice that was published is never changed.
type file struct {
	path string
	rows atomic.Pointer[[]row]
}

type row struct{ key, value []byte }

func openFile(dir string) (state.Engine, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", state.ErrDisk, err)
	}
	e := &file{path: filepath.Join(dir, "rows")}
	content, err := os.ReadFile(e.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", state.ErrDisk, err)
	}
	var rows []row
	for len(content) > 0 {
		var r row
		if r.key, content = cut(content); content == nil {
			return nil, fmt.Errorf("%w: %s", state.ErrCorrupt, e.path)
		}
		if r.value, content = cut(content); content == nil {
			return nil, fmt.Errorf("%w: %s", state.ErrCorrupt, e.path)
		}
		rows = append(rows, r)
	}
	e.rows.Store(&rows)
	return e, nil
}

// cut takes bytes behind their length. The rest is nil if they are not all there.
func cut(b []byte) (head, rest []byte) {
	n, size := binary.Uvarint(b)
	if size <= 0 || uint64(len(b)-size) < n {
		return nil, nil
	}
	b = b[size:]
	return b[:n:n], b[n:]
}

func find(rows []row, key []byte) (int, bool) {
	return slices.BinarySearchFunc(rows, key, func(r row, key []byte) int { return bytes.Compare(r.key, key) })
}

func (e *file) Get(dst, key []byte) ([]byte, bool, error) {
	rows := *e.rows.Load()
	i, ok := find(rows, key)
	if !ok {
		return dst, false, nil
	}
	return append(dst, rows[i].value...), true, nil
}

func (e *file) Scan(lower, upper []byte, reverse bool) (state.Iterator, error) {
	rows := *e.rows.Load()
	from, _ := find(rows, lower)
	to := len(rows)
	if upper != nil {
		to, _ = find(rows, upper)
	}
	it := &iterator{rows: slices.Clone(rows[from:max(from, to)]), at: -1}
	if reverse {
		slices.Reverse(it.rows)
	}
	return it, nil
}

func (e *file) NewBatch() state.Batch { return &batch{engine: e} }

func (e *file) Close() error { return nil }

type iterator struct {
	rows []row
	at   int
}

func (i *iterator) Next() bool {
	i.at++
	return i.at < len(i.rows)
}

func (i *iterator) Key() []byte   { return i.rows[i.at].key }
func (i *iterator) Value() []byte { return i.rows[i.at].value }
func (i *iterator) Close() error  { return nil }

// batch is a list of functions that make new rows of old ones.
type batch struct {
	engine  *file
	changes []func(rows []row) []row
	size    int
	closed  bool
}

var (
	errClosed = errors.New("file: batch is closed")
	errNoKey  = errors.New("file: empty key")
)

func (b *batch) add(size int, change func(rows []row) []row) error {
	if b.closed {
		return errClosed
	}
	b.changes, b.size = append(b.changes, change), b.size+1+size
	return nil
}

func (b *batch) Set(key, value []byte) error {
	if len(key) == 0 {
		return errNoKey
	}
	r := row{bytes.Clone(key), bytes.Clone(value)}
	return b.add(len(key)+len(value), func(rows []row) []row {
		i, ok := find(rows, r.key)
		if ok {
			rows[i] = r
			return rows
		}
		return slices.Insert(rows, i, r)
	})
}

func (b *batch) Delete(key []byte) error {
	if len(key) == 0 {
		return errNoKey
	}
	return b.DeleteRange(key, append(bytes.Clone(key), 0))
}

func (b *batch) DeleteRange(lower, upper []byte) error {
	lower, upper = bytes.Clone(lower), bytes.Clone(upper)
	return b.add(len(lower)+len(upper), func(rows []row) []row {
		from, _ := find(rows, lower)
		to, _ := find(rows, upper)
		return slices.Delete(rows, from, max(from, to))
	})
}

func (b *batch) Len() int { return b.size }

// Commit writes a new file in the place of the old one.
func (b *batch) Commit() error {
	if b.closed {
		return errClosed
	}
	rows := slices.Clone(*b.engine.rows.Load())
	for _, change := range b.changes {
		rows = change(rows)
	}
	var content []byte
	for _, r := range rows {
		content = append(binary.AppendUvarint(content, uint64(len(r.key))), r.key...)
		content = append(binary.AppendUvarint(content, uint64(len(r.value))), r.value...)
	}
	err := os.WriteFile(b.engine.path+".new", content, 0o600)
	if err == nil {
		err = os.Rename(b.engine.path+".new", b.engine.path)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", state.ErrDisk, err)
	}
	b.engine.rows.Store(&rows)
	return b.Close()
}

func (b *batch) Close() error {
	b.changes, b.size, b.closed = nil, 0, true
	return nil
}

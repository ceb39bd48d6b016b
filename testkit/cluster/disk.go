package cluster

import (
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/state"
)

// disk is the state of one instance: the databases in memory, the small files in a directory of the test's.
type disk struct {
	dir    string
	budget *store.Budget
	delay  atomic.Int64 // nanoseconds that each read and commit takes longer

	mu struct {
		sync.Mutex
		files    *store.MemoryDisk
		dead     bool
		triggers []*trigger
	}
}

func newDisk(dir string, budget *store.Budget) *disk {
	d := &disk{dir: dir, budget: budget}
	d.mu.files = store.NewMemoryDisk()
	return d
}

// open is Config.OpenEngine. A database whose directory is not there any more was set aside or removed.
func (d *disk) open(dir string) (state.Engine, error) {
	d.passes(atOpen)
	name, err := filepath.Rel(d.dir, dir)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mu.dead {
		return nil, errCut
	}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		if err := d.mu.files.Remove(name); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	engine, err := d.mu.files.Open(name, d.options())
	if err != nil {
		return nil, err
	}
	return slowEngine{engine, d}, nil
}

func (d *disk) options() store.Options {
	return store.Options{Budget: d.budget, Logger: slog.New(slog.DiscardHandler)}
}

// find opens the database of a directory that is there. It is nil if there is none.
func (d *disk) find(dir string) (state.Engine, error) {
	name, err := filepath.Rel(d.dir, dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, nil //nolint:nilerr // it was set aside or removed, or there was never one
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.files.Open(name, d.options())
}

// fill lets nothing more be written, or lets it again.
func (d *disk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.files.Fill(full)
}

// damage flips a bit of a file, or cuts its end off. Nobody uses the disk.
func (d *disk) damage(rng *rand.Rand) (what string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mu.files.Damage(rng)
}

// slowEngine is a database on a disk that may be slow.
type slowEngine struct {
	state.Engine
	disk *disk
}

func (e slowEngine) Get(dst, key []byte) ([]byte, bool, error) {
	e.disk.wait()
	return e.Engine.Get(dst, key)
}

func (e slowEngine) NewBatch() store.Batch { return slowBatch{e.Engine.NewBatch(), e.disk} }

type slowBatch struct {
	store.Batch
	disk *disk
}

func (b slowBatch) Commit() error {
	b.disk.passes(beforeBatch)
	b.disk.wait()
	err := b.Batch.Commit()
	b.disk.passes(behindBatch)
	return err
}

func (d *disk) wait() { time.Sleep(time.Duration(d.delay.Load())) }

// left is the disk as a crash at this moment leaves it, in another directory. percent is how much of what was not
// synced is there.
func (d *disk) left(dir string, percent int, rng *rand.Rand) (*disk, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.dead = true
	out := &disk{dir: dir, budget: d.budget}
	out.mu.files = d.mu.files.Left(percent, rng)
	return out, copyFiles(d.dir, dir)
}

// copyFiles copies a directory without its locks.
func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch target := filepath.Join(to, name); {
		case e.IsDir():
			return os.MkdirAll(target, 0o700)
		case e.Name() == "lock":
			return nil
		default:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(target, content, 0o600)
		}
	})
}

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// MemoryDisk is a disk in memory for tests of crashes: what a dead process or machine leaves of it can be opened anew.
type MemoryDisk struct {
	fs   *vfs.MemFS
	full atomic.Bool
}

// NewMemoryDisk is an empty disk.
func NewMemoryDisk() *MemoryDisk { return &MemoryDisk{fs: vfs.NewCrashableMem()} }

// Fill lets nothing more be written, or lets it again.
func (d *MemoryDisk) Fill(full bool) { d.full.Store(full) }

// limited is the file system, for as long as there is room.
func (d *MemoryDisk) limited() vfs.FS {
	return errorfs.Wrap(d.fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpMkdirAll, errorfs.OpFilePreallocate, errorfs.OpFileWrite,
			errorfs.OpFileWriteAt, errorfs.OpLink:
			if d.full.Load() {
				return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
			}
		}
		return nil
	}))
}

// Open opens, or creates, the database of a directory of the disk, as OpenPebble does. o.FS is not used.
func (d *MemoryDisk) Open(dir string, o Options) (Engine, error) {
	o.FS = d.limited()
	if err := d.fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: memory disk: %w", err)
	}
	return OpenPebble(dir, o)
}

// Remove removes a directory with all that is in it.
func (d *MemoryDisk) Remove(dir string) error { return d.fs.RemoveAll(dir) }

// Left is the disk as it is after a crash at this moment: with each piece that was not synced there with a probability
// of percent in 100. 100 is the death of a process, all that it wrote is there; less is that of a machine. What goes on
// to use d changes nothing of it.
func (d *MemoryDisk) Left(percent int, rng *rand.Rand) *MemoryDisk {
	return &MemoryDisk{fs: d.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})}
}

// Damage flips a bit of a file, or cuts its end off, and says which. Nobody may use the disk. It is empty if there is
// no file with anything in it.
func (d *MemoryDisk) Damage(rng *rand.Rand) (what string, err error) {
	files, err := d.files("")
	if err != nil || len(files) == 0 {
		return "", err
	}
	name := files[rng.IntN(len(files))]
	content, err := d.read(name)
	if err != nil || len(content) == 0 {
		return "", err
	}
	at := rng.IntN(len(content))
	if rng.IntN(2) == 0 {
		content[at] ^= 1 << rng.IntN(8)
		what = fmt.Sprintf("%s: a bit of byte %d of %d", name, at, len(content))
	} else {
		what = fmt.Sprintf("%s: cut off at byte %d of %d", name, at, len(content))
		content = content[:at]
	}
	f, err := d.fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return "", err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	return what, errors.Join(err, f.Close())
}

// files are the names of all files below a directory, in their order.
func (d *MemoryDisk) files(dir string) (out []string, err error) {
	names, err := d.fs.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		name = d.fs.PathJoin(dir, name)
		info, err := d.fs.Stat(name)
		switch {
		case err != nil:
			return nil, err
		case !info.IsDir():
			out = append(out, name)
		default:
			below, err := d.files(name)
			if err != nil {
				return nil, err
			}
			out = append(out, below...)
		}
	}
	return out, nil
}

func (d *MemoryDisk) read(name string) ([]byte, error) {
	f, err := d.fs.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}

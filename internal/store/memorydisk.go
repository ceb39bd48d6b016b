package store

import (
	"fmt"
	"math/rand/v2"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// MemoryDisk is a disk in memory for tests of crashes: what a dead process or machine leaves of it can be opened anew.
type MemoryDisk struct{ fs *vfs.MemFS }

// NewMemoryDisk is an empty disk.
func NewMemoryDisk() *MemoryDisk { return &MemoryDisk{fs: vfs.NewCrashableMem()} }

// Open opens, or creates, the database of a directory of the disk, as OpenPebble does. o.FS is not used.
func (d *MemoryDisk) Open(dir string, o Options) (Engine, error) {
	o.FS = d.fs
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

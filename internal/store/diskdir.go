package store

import (
	"errors"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// diskDir stands for a directory, which is open only while it is synced.
type diskDir struct {
	vfs.File // nil: there is nothing else to do with it
	disk     *disk
	name     string
}

// Sync makes names durable. That the directory is missing is a failure here.
func (f *diskDir) Sync() error {
	if f.disk.err() != nil {
		return nil
	}
	if f.name != f.disk.dir { // one above it
		return f.sync()
	}
	made, canWait := f.disk.names.get()
	if canWait {
		return nil
	}
	err := f.sync()
	f.disk.names.synced(made)
	return err
}

func (f *diskDir) sync() error {
	dir, err := f.disk.FS.OpenDir(f.name)
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		f.disk.fail(ErrDisk, err)
	}
	return nil
}

func (f *diskDir) Close() error { return nil }

// newNames are the names that a directory got since it was synced. Those that went do not matter: Pebble passes over
// such files if they come back.
//
// Pebble syncs the directory for each new log, while commits wait. As what is in a log is not synced, a machine that
// dies may just as well lose the whole of the newest one. The one before must not be missing while there is a newer
// one: that would be a gap in the batches. So the sync of one name waits for the next, which comes when the memtable
// before is written to a table.
type newNames struct {
	mu struct {
		sync.Mutex
		made, durable nameCount
	}
}

// nameCount is of the names that a directory ever got.
type nameCount struct{ logs, others int }

func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// add counts a name that is there.
func (n *newNames) add(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if isLog(name) {
		n.mu.made.logs++
	} else {
		n.mu.made.others++
	}
}

// get is what there is to sync, and whether it can wait.
func (n *newNames) get() (made nameCount, canWait bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	made = n.mu.made
	return made, made.others == n.mu.durable.others && made.logs-n.mu.durable.logs <= 1
}

// synced tells that what there was before a sync is durable.
func (n *newNames) synced(made nameCount) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.durable.logs = max(n.mu.durable.logs, made.logs)
	n.mu.durable.others = max(n.mu.durable.others, made.others)
}

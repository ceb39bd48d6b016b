package testkit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/streams"
)

// CrashPoint is a place in a commit at which a process may die.
type CrashPoint int

const (
	// BeforeCommit: records were processed and sent, the commit has not begun.
	BeforeCommit CrashPoint = iota
	// DuringCommit: changelog records and offsets were sent, the transaction has not ended.
	DuringCommit
	// AfterCommit: Kafka has the commit, the local stores do not.
	AfterCommit
)

// Crash ends the process at a point of its next commit, and starts it again on the same state.
func (d *Driver) Crash(at CrashPoint) {
	d.helper()
	if at < BeforeCommit || at > AfterCommit {
		d.fail(fmt.Errorf("testkit: there is no crash point %d", at))
	}
	if !d.usable() {
		return
	}
	d.run()
	if at > BeforeCommit && d.set.Pending() {
		if offsets, ok := d.prepare(); ok && at == AfterCommit {
			d.commitKafka(offsets)
		}
	}
	d.endTransaction(false)
	d.restart()
}

// Restart commits, stops cleanly and starts again on the same state.
func (d *Driver) Restart() {
	d.helper()
	d.Commit()
	d.restart()
}

// LoseState commits, stops, removes the local stores and starts again: all state comes from the changelogs.
func (d *Driver) LoseState() {
	d.helper()
	d.Commit()
	if d.err != nil {
		return
	}
	d.fail(d.stop())
	d.engines = map[streams.TaskID]store.Engine{}
	if d.options.dir != "" {
		d.fail(d.removeStores())
	}
	d.fail(d.open())
	d.run()
}

// removeStores removes everything in the directory but its lock.
func (d *Driver) removeStores() error {
	entries, err := os.ReadDir(d.options.dir)
	for _, e := range entries {
		if e.Name() != "lock" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(d.options.dir, e.Name())))
		}
	}
	return err
}

func (d *Driver) restart() {
	if d.err != nil {
		return
	}
	d.piped = 0
	d.fail(errors.Join(d.stop(), d.open()))
	d.run()
}

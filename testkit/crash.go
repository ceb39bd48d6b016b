package testkit

import (
	"errors"
	"os"

	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/topology"
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
	if d.err != nil {
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
	d.Commit()
	d.restart()
}

// LoseState commits, stops, removes the local stores and starts again: all state comes from the changelogs.
func (d *Driver) LoseState() {
	d.Commit()
	if d.err != nil {
		return
	}
	d.fail(d.stop())
	d.engines = map[topology.TaskID]store.Engine{}
	if d.options.dir != "" {
		d.fail(os.RemoveAll(d.options.dir))
	}
	d.fail(d.open())
	d.run()
}

func (d *Driver) restart() {
	if d.err != nil {
		return
	}
	d.piped = 0
	d.fail(errors.Join(d.stop(), d.open()))
	d.run()
}

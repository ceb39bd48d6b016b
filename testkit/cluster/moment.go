package cluster

import (
	"slices"
	"sync"
)

// moment is where in its own work an instance is, apart from its requests.
type moment int

const (
	atRecord    moment = iota // in front of the functions of a record, of any instance
	atOpen                    // a database is about to be opened
	beforeBatch               // a commit is in Kafka, and about to be written to the database
	behindBatch               // it is in the database
)

var moments = []moment{atRecord, atOpen, beforeBatch, behindBatch}

func (m moment) String() string {
	return [...]string{"at a record", "at the opening of a database", "before a batch", "behind a batch"}[m]
}

// trigger does something, once, at a moment that comes again and again.
type trigger struct {
	at    moment
	after int // how often the moment passes first
	do    func()
}

// trigger has something done at a moment of the disk.
func (d *disk) trigger(m moment, after int, do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.triggers = append(d.mu.triggers, &trigger{m, after, do})
}

// clear takes out what has not been done. A nil disk has nothing.
func (d *disk) clear() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.triggers = nil
}

// passes does what is to be done at a moment.
func (d *disk) passes(m moment) {
	if t := d.due(m); t != nil {
		t.do()
	}
}

func (d *disk) due(m moment) *trigger {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, t := range d.mu.triggers {
		if t.at != m {
			continue
		}
		if t.after > 0 {
			t.after--
			continue
		}
		d.mu.triggers = slices.Delete(d.mu.triggers, i, i+1)
		return t
	}
	return nil
}

// hooks are functions that are called in front of those of each record, on the goroutines of workers.
type hooks struct {
	mu    sync.Mutex
	funcs []func()
}

func (h *hooks) add(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.funcs = append(h.funcs, f)
}

func (h *hooks) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.funcs = nil
}

// call calls them, one after the other.
func (h *hooks) call() {
	h.mu.Lock()
	funcs := h.funcs
	h.mu.Unlock()
	for _, f := range funcs {
		f()
	}
}

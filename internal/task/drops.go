package task

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millstream-go/millstream/internal/graph"
)

// Drops counts the records that were dropped, by step and reason. It may be shared between workers.
type Drops struct {
	mu struct {
		sync.Mutex
		counts map[cause]*dropCount
		fresh  bool // some have not been taken yet
	}
}

// Dropped are records that one step dropped for one reason.
type Dropped struct {
	Step    string
	Reason  graph.DropReason
	Records int64
	// Late is how far the latest of them was behind the stream time of its task, in milliseconds.
	Late int64
	// Last is one of the last of them, nil where none is known. It does not change.
	Last *DroppedRecord
}

// DroppedRecord is a record that was read, of which a step has dropped what it was given.
type DroppedRecord struct {
	At        int64 // wall-clock time, in milliseconds
	Topic     string
	Partition int32
	Record    *graph.Raw // with bytes of its own; nil: it is too large to be kept
	Offset    int64
}

// showEvery is the time between two records that are kept of a cause, in milliseconds: who drops all that it reads
// copies one a second.
const showEvery = 1000

// show keeps a record that was dropped, unless one was kept a moment ago.
func (d *Drops) show(one drop, now int64, from *graph.Origin, raw *graph.Raw) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.mu.counts[one.cause()]
	if c == nil {
		c = d.enter(one.cause())
	}
	if last := c.all.Last; last == nil || now < last.At || now-last.At >= showEvery {
		c.all.Last = &DroppedRecord{now, from.Topic, from.Partition, own(raw), raw.Offset}
	}
}

// dropCount is what was dropped since the start, and of that since the last Take.
type dropCount struct{ all, fresh Dropped }

// drop is a record that the step at work drops.
type drop struct {
	step   string
	reason graph.DropReason
	late   int64 // milliseconds behind stream time
}

// cause is what the drop is counted under.
func (d drop) cause() cause { return cause{d.step, d.reason} }

// nameOf is the name of a step, empty if there is none.
func nameOf(n *graph.Node) string {
	if n == nil {
		return ""
	}
	return n.Name
}

func (d *Drops) add(one drop) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.mu.counts[one.cause()]
	if c == nil {
		c = d.enter(one.cause())
	}
	for _, sum := range [...]*Dropped{&c.all, &c.fresh} {
		sum.Records++
		sum.Late = max(sum.Late, one.late)
	}
	d.mu.fresh = true
}

// enter begins to count a cause.
func (d *Drops) enter(by cause) *dropCount {
	if d.mu.counts == nil {
		d.mu.counts = map[cause]*dropCount{}
	}
	none := Dropped{Step: by.node, Reason: by.reason}
	c := &dropCount{all: none, fresh: none}
	d.mu.counts[by] = c
	return c
}

// Counts is the number of dropped records by reason so far.
func (d *Drops) Counts() map[graph.DropReason]int64 {
	counts := map[graph.DropReason]int64{}
	for _, sum := range d.All() {
		counts[sum.Reason] += sum.Records
	}
	return counts
}

// All is what was dropped so far, by step and reason.
func (d *Drops) All() []Dropped {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sums(func(c *dropCount) Dropped { return c.all })
}

// Take is what was dropped since the last Take, by step and reason.
func (d *Drops) Take() []Dropped {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.mu.fresh {
		return nil
	}
	d.mu.fresh = false
	return d.sums(func(c *dropCount) Dropped {
		taken := c.fresh
		c.fresh.Records, c.fresh.Late = 0, 0
		return taken
	})
}

// sums are those that are not 0, in their order.
func (d *Drops) sums(of func(c *dropCount) Dropped) (sums []Dropped) {
	for _, c := range d.mu.counts {
		if sum := of(c); sum.Records > 0 {
			sums = append(sums, sum)
		}
	}
	slices.SortFunc(sums, func(x, y Dropped) int {
		return cmp.Or(cmp.Compare(x.Step, y.Step), cmp.Compare(x.Reason, y.Reason))
	})
	return sums
}

package task

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millstream-go/millstream/topology"
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
	Reason  topology.DropReason
	Records int64
	// Late is how far the latest of them was behind the stream time of its task, in milliseconds.
	Late int64
}

// dropCount is what was dropped since the start, and of that since the last Take.
type dropCount struct{ all, fresh Dropped }

// drop is a record that the step at work drops.
type drop struct {
	step   string
	reason topology.DropReason
	late   int64 // milliseconds behind stream time
}

// cause is what the drop is counted under.
func (d drop) cause() cause { return cause{d.step, d.reason} }

// nameOf is the name of a step, empty if there is none.
func nameOf(n *topology.Node) string {
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
	for _, sum := range []*Dropped{&c.all, &c.fresh} {
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
func (d *Drops) Counts() map[topology.DropReason]int64 {
	counts := map[topology.DropReason]int64{}
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

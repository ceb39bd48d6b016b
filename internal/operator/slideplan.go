package operator

// slidePlan works out what a record does to the sliding windows of its key. It knows no types, so it is compiled once:
// rows go by their place among those found.
type slidePlan struct {
	difference int64
	found      []slideRow // by start; reused for each record
	changes    []slide
}

// slideRow is a row that is there.
type slideRow struct{ start, timestamp int64 }

// slide is a window that a record changes or makes.
type slide struct {
	start  int64
	exists bool
	base   int  // the row so far, or what a new one begins with, among those found; -1 none
	holds  bool // the window holds the record
}

// begin forgets the last record.
func (p *slidePlan) begin(difference int64) { p.difference, p.found = difference, p.found[:0] }

// add enters a row that was found, in the order of their starts.
func (p *slidePlan) add(start, timestamp int64) {
	p.found = append(p.found, slideRow{start, timestamp})
}

// make works out what becomes of which window when a record at t comes.
func (p *slidePlan) make(t int64) {
	p.changes = p.changes[:0]
	left := max(0, t-p.difference) // start of the window that ends at t, or of the first one
	before, around := -1, -1       // latest window that ends before t; latest around t
	previous := int64(-1)          // time of the record before t, if that is known
	for i, row := range p.found {
		if row.timestamp < t {
			previous = max(previous, row.timestamp)
		}
		switch {
		case row.start < t-p.difference:
			before = i
		case row.start <= t:
			around = i
			p.changes = append(p.changes, slide{start: row.start, exists: true, base: i, holds: true})
		}
	}
	if !p.exists(left) {
		w := slide{start: left, base: -1, holds: true}
		if before >= 0 && previous >= left {
			w.base = before
		}
		p.changes = append(p.changes, w)
	}
	if after := previous + 1; previous >= 0 && after > left && after <= t && !p.exists(after) {
		p.changes = append(p.changes, slide{start: after, base: -1, holds: true})
	}
	if around >= 0 && p.found[around].timestamp > t && !p.exists(t+1) {
		p.changes = append(p.changes, slide{start: t + 1, base: around})
	}
	for i := range p.changes { // the last few are out of order
		for ; i > 0 && p.changes[i].start < p.changes[i-1].start; i-- {
			p.changes[i], p.changes[i-1] = p.changes[i-1], p.changes[i]
		}
	}
}

func (p *slidePlan) exists(start int64) bool {
	for _, row := range p.found {
		if row.start == start {
			return true
		}
	}
	return false
}

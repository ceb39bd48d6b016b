package testkit

import "github.com/millstream-go/millstream/internal/task"

// Commit commits, and works on what that makes visible behind repartition topics, until all is done and committed.
func (d *Driver) Commit() {
	d.helper()
	if !d.usable() {
		return
	}
	d.round = round{}
	d.commit()
	for d.discover() {
		d.commit()
	}
}

func (d *Driver) commit() {
	d.run()
	for d.err == nil && d.set.Pending() {
		if offsets, ok := d.prepare(); ok {
			d.commitKafka(offsets)
			d.fail(d.set.Committed(d.now()))
			d.run()
		}
	}
	d.piped = 0
}

func (d *Driver) prepare() ([]task.Offset, bool) {
	offsets, err := d.set.Prepare(d.send)
	d.fail(err)
	return offsets, err == nil
}

func (d *Driver) commitKafka(offsets []task.Offset) {
	for _, o := range offsets {
		d.group[partition{o.Topic, o.Partition}] = o
	}
	d.endTransaction(true)
}

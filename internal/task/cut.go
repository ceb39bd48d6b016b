package task

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
)

// A changelog is cut when it loses its tail: a replica that lacked it was made leader, or a disk was copied back. The
// rows in the directory are whole then, and the log is not: who restores from it has wrong rows. Once the task has
// written on, the log is as long as it was, and its length does not show that any more. So a task that meets the loss
// ends, and its directory remembers it: each start finds it, as it finds a log that is shorter than the rows' place.
//
// One that is cut while no task of the directory runs is found by the epochs of its leaders (KIP-320).

// Short are the changelogs that took the records of the present commit in front of where they were before, as their
// acknowledgements say: From is behind the last one. To is where the log must end at least, as each record has an
// offset of its own behind all that the rows have. They are asked for once the records are acknowledged.
func (s *Set) Short() (short []Gap) {
	for _, p := range s.prepared {
		for _, c := range p.task.changelogs {
			if c.next >= 0 && c.ack >= 0 && c.ack+1 < c.next+c.sent {
				short = append(short, Gap{Changelog: c, From: c.ack + 1, To: c.next + c.sent})
			}
		}
	}
	return short
}

// Lost enters that the log ends at an offset, and lacks records in front of a place. It returns the LostStateError.
func (c *Changelog) Lost(end, place int64) error {
	c.cut = fmt.Sprintf("changelog %s has lost records while the application ran: it ended at %d when it had to end "+
		"at %d, and only this directory has all rows", c.Topic, end, place)
	err := c.task.databases[0].write(func(b store.Batch) error { return b.Set(metaKey('x', c.Store), []byte(c.cut)) })
	lost := &LostStateError{Store: c.Store, Topic: c.Topic, Partition: c.Partition, Reason: c.cut}
	return c.task.failed(errors.Join(lost, err))
}

// shortLooks is after how many looks in a row a log is believed to be short: a new leader may not know yet what it has.
const shortLooks = 3

// endsEarly is the error of a log that ended in front of what the task had written by then, once that is sure.
func (c *Changelog) endsEarly(end, written int64) error {
	if c.short++; c.short < shortLooks {
		return nil
	}
	return c.Lost(end, written)
}

// Led says that up to an offset leaders up to an epoch had written all that the log had then. A log in which these have
// less was cut, whatever has been written since.
//
// An acknowledgement does not tell the epoch of its leader, and the one that a client knows may be behind. That of a
// leader which was asked afterwards is not: it may only be too high, and then a loss is not found.
type Led struct {
	Offset int64 // 0: nothing is known
	Epoch  int32
}

// ledSize is the size of an encoded Led.
const ledSize = 8 + 4

func (l Led) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, ledSize), uint64(l.Offset))
	return binary.BigEndian.AppendUint32(b, uint32(l.Epoch))
}

// led reads what is known of a store's changelog.
func (d database) led(name string) (l Led, err error) {
	b, ok, err := d.engine.Get(nil, metaKey('e', name))
	if err != nil || !ok {
		return l, err
	}
	if len(b) != ledSize {
		return l, fmt.Errorf("%w: leaders of the changelog of %s", store.ErrCorrupt, name)
	}
	return Led{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}, nil
}

// Led is what the directory knows of the leaders of the changelog; false: nothing that its rows count on, which may be
// those of an older copy.
func (c *Changelog) Led() (l Led, known bool) {
	return c.led, c.led.Offset > 0 && c.led.Offset <= c.place.Offset
}

// LedTo enters that the log ended at an offset, as a leader of an epoch told after it had all up to where the task had
// written by then. An epoch below 0 is not known.
//
// The entry is being written when it returns, and wait tells how that went. Those of many changelogs are written beside
// each other so.
func (c *Changelog) LedTo(end int64, epoch int32, written int64) (wait func() error) {
	l := Led{min(written, c.place.Offset), epoch}
	if epoch < 0 || l.Offset <= 0 || end < written || l == c.led {
		return nothing
	}
	b := c.task.databases[0].engine.NewBatch()
	err := b.Set(metaKey('e', c.Store), l.encode())
	if s, ok := b.(store.Starter); ok && err == nil {
		s.Start()
	}
	return func() error {
		if err == nil {
			err = b.Commit()
		}
		if err = errors.Join(err, b.Close()); err == nil {
			c.led = l
		}
		return c.task.failed(err)
	}
}

func nothing() error { return nil }

// ledBy enters with records that were read up to an offset what the last of them tells. Rows in memory have no place in
// the directory before a commit.
func (c *Changelog) ledBy(b store.Batch, records []graph.Raw, next int64) (l Led, err error) {
	n := len(records)
	if n == 0 || records[n-1].Epoch < 0 || c.spec.Options().InMemory {
		return c.led, nil
	}
	l = Led{next, records[n-1].Epoch}
	return l, b.Set(metaKey('e', c.Store), l.encode())
}

// cut reads how the changelog of a store lost records; empty: it did not.
func (d database) cut(name string) (string, error) {
	text, _, err := d.engine.Get(nil, metaKey('x', name))
	return string(text), err
}

package task

import (
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// A changelog is cut when it loses its tail: a replica that lacked it was made leader, or a disk was copied back. The
// rows in the directory are whole then, and the log is not: who restores from it has wrong rows. Once the task has
// written on, the log is as long as it was, and nothing shows that any more. So a task that meets the loss ends, and
// its directory remembers it: each start finds it, as it finds a log that is shorter than the rows' place.

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

// cut reads how the changelog of a store lost records; empty: it did not.
func (d database) cut(name string) (string, error) {
	text, _, err := d.engine.Get(nil, metaKey('x', name))
	return string(text), err
}

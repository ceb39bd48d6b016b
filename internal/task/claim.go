package task

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// claim enters whose the task's state is from now on: the cluster at once, together with the stores that only the
// directory has; the ids of the topics with the next places. What the cluster does not tell stays as it was known.
func (t *Task) claim(f Facts) error {
	var entered []*Changelog
	for _, c := range t.changelogs {
		c.place = c.place.in(f.Changelogs[c.Store].Topic)
		if c.place.Offset < 0 {
			c.place.At = f.Now
		}
		if c.inMemory.Offset < 0 {
			c.inMemory.At = f.Now
		}
		if o := c.spec.Options(); o.NoChangelog && !o.InMemory && c.place.Offset < 0 && t.known() {
			c.place.Offset = 0 // before the next commit, too: a restart would take its rows for lost
			entered = append(entered, c)
		}
	}
	for _, in := range t.inputs {
		in.topic = in.stored.in(f.Inputs[in.Topic].Topic).Topic
	}
	home := cmp.Or(f.Cluster, t.home)
	if home == t.home && entered == nil {
		return nil
	}
	t.home = home
	return t.databases[0].write(func(b store.Batch) error {
		for _, c := range entered {
			if err := setPlace(b, 'c', c.Store, c.place); err != nil {
				return err
			}
		}
		return b.Set(metaKey('k', ""), []byte(t.home))
	})
}

// Unlogged are the stores whose rows only the directory has.
func (t *Task) Unlogged(f Facts) (specs []storage.Spec) {
	for _, c := range t.changelogs {
		if o := c.spec.Options(); o.NoChangelog && !o.InMemory && c.place.Offset >= 0 && !t.foreign(f) {
			specs = append(specs, c.spec)
		}
	}
	return specs
}

// CopyStores copies the rows of stores from one database of a task to another, before the task is made, and then the
// places of its inputs, which tell up to where the rows have counted.
func CopyStores(specs []storage.Spec, from, to store.Engine) error {
	for _, spec := range specs {
		if err := (database{to}).copyStore(spec, database{from}); err != nil {
			return fmt.Errorf("store %s: %w", spec.Name(), err)
		}
	}
	return (database{to}).copyPlaces(database{from})
}

// copyPlaces copies what a commit enters of the inputs.
func (d database) copyPlaces(old database) error {
	return d.write(func(b store.Batch) error {
		for _, kind := range []byte{'b', 'i'} {
			prefix := metaKey(kind, "")
			it, err := old.engine.Scan(prefix, behind(prefix), false)
			if err != nil {
				return err
			}
			for it.Next() {
				err = errors.Join(err, b.Set(it.Key(), it.Value()))
			}
			if err = errors.Join(err, it.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

// overBytes is the size from which on a batch of rows that are brought over is written.
const overBytes = 1 << 20

func (d database) copyStore(spec storage.Spec, old database) error {
	from, err := old.prefix(spec)
	if err != nil {
		return err
	}
	to, err := d.prefix(spec)
	if err != nil {
		return err
	}
	at, err := old.place('c', spec.Name())
	if err != nil {
		return err
	}
	it, err := old.engine.Scan(from, behind(from), false)
	if err != nil {
		return err
	}
	for more := it.Next(); more && err == nil; {
		err = d.write(func(b store.Batch) error {
			for ; more && b.Len() < overBytes; more = it.Next() {
				key := append(to[:len(to):len(to)], it.Key()[len(from):]...)
				if err := b.Set(key, it.Value()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err = errors.Join(err, it.Close()); err != nil {
		return err
	}
	return d.write(func(b store.Batch) error { return setPlace(b, 'c', spec.Name(), at) })
}

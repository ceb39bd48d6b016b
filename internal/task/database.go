package task

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
)

// database is an engine with the rows of a task's stores and, beside them, how far each store and each input has come.
// Keys:
//
//	0 's' name    number and format of a store; the number is the prefix of its rows
//	0 'c' name    place in the changelog up to which the store's rows are complete; of stores without a changelog, or in
//	              memory, that they have been part of a commit
//	0 'i' topic   committed place of an input partition
//	0 'g' topic/n place up to which the rows of global tables have a partition
//	0 't' name    stream time of a store of global tables
//	0 'k'         id of the cluster whose topics these are
//	0 'r' name 0 key   timestamp of a record in the changelog that is stale, see stale.go
//	0 'w' name    windows whose rows a store holds, see windows.go
//	0 'e' name    what is known of the leaders of a store's changelog, see cut.go
//	0 'x' name    how the changelog of a store lost records while a task ran, see cut.go
//	0 'b'         there are rows of commits behind those of the places 'i'
//	n m ...       rows of the store with number (n-1)*256 + m, n >= 1
//
// A commit changes all of them in one batch, so that the rows are always those of the stored offsets.
type database struct {
	engine store.Engine
}

// ErrStateFormat says that a state directory, or a changelog, holds a store of the same name in another format. Give
// the store a new name, under which it begins empty with what comes from then on; or start the application anew.
type ErrStateFormat struct {
	Store, Have, Want string
	Changelog         string // that has it; empty: the state directory
}

func (e *ErrStateFormat) Error() string {
	where := "state directory"
	if e.Changelog != "" {
		where = "changelog " + e.Changelog
	}
	return fmt.Sprintf("%s has store %q as %s, the topology declares it as %s: give the store a new name, "+
		"under which it begins empty, or start the application anew with millstream reset", where, e.Store, e.Have, e.Want)
}

func metaKey(kind byte, name string) []byte { return append([]byte{0, kind}, name...) }

// prefix is the prefix of a store's rows. A store that the database does not know is entered.
func (d database) prefix(spec storage.Spec) ([]byte, error) {
	value, ok, err := d.engine.Get(nil, metaKey('s', spec.Name()))
	if err != nil {
		return nil, err
	}
	if !ok {
		return d.enter(spec)
	}
	if len(value) < 2 {
		return nil, fmt.Errorf("%w: entry of store %s", store.ErrCorrupt, spec.Name())
	}
	if have := string(value[2:]); have != localFormat(spec) {
		return nil, &ErrStateFormat{Store: spec.Name(), Have: have, Want: localFormat(spec)}
	}
	return value[:2:2], nil
}

// localFormat is the format of a store with the order in which its rows lie in a database, of which the changelog knows
// nothing.
func localFormat(spec storage.Spec) string {
	if by := spec.Layout(); by != "" {
		return spec.Format() + " " + by
	}
	return spec.Format()
}

// behind is the first key behind the rows of a store.
func behind(prefix []byte) []byte {
	return binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(prefix)+1)
}

// enter gives a store the next free number.
func (d database) enter(spec storage.Spec) ([]byte, error) {
	it, err := d.engine.Scan(metaKey('s', ""), metaKey('t', ""), false)
	if err != nil {
		return nil, err
	}
	number := uint16(1) << 8
	for it.Next() {
		if v := it.Value(); len(v) >= 2 {
			number = max(number, binary.BigEndian.Uint16(v)+1)
		}
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	value := binary.BigEndian.AppendUint16(nil, number)
	err = d.write(func(b store.Batch) error {
		return b.Set(metaKey('s', spec.Name()), append(value, localFormat(spec)...))
	})
	return value[:2:2], err
}

func (d database) write(fill func(b store.Batch) error) error {
	b := d.engine.NewBatch()
	if err := errors.Join(fill(b)); err != nil {
		return errors.Join(err, b.Close())
	}
	return errors.Join(b.Commit(), b.Close())
}

// offset reads a stored offset, -1 if there is none.
func (d database) offset(kind byte, name string) (int64, error) {
	value, ok, err := d.engine.Get(nil, metaKey(kind, name))
	if err != nil || !ok {
		return -1, err
	}
	if len(value) != 8 {
		return -1, fmt.Errorf("%w: offset of %s", store.ErrCorrupt, name)
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

func setOffset(b store.Batch, kind byte, name string, offset int64) error {
	return b.Set(metaKey(kind, name), binary.BigEndian.AppendUint64(nil, uint64(offset)))
}

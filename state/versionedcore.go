package state

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/internal/eventtime"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
)

// versionedCore is a versioned store without its types. All versions of a key are one row, whose timestamp is that of
// the newest; the index has the keys whose newest version is a delete, by its time.
type versionedCore struct {
	core
	values versionValues

	puts     []versionPut // since the last commit: each is a record of the changelog
	markPuts int
	batch    store.Batch // of a restore, with the rows that it has
	batched  map[string][]version[[]byte]
}

// versionPut is a version that was put, but for its value.
type versionPut struct {
	key   []byte
	from  int64
	there bool
}

// versionValues is what only the handle can do.
type versionValues interface {
	// appendPut encodes the value of one of puts; cutPuts forgets those from n on.
	appendPut(dst []byte, n int) ([]byte, error)
	cutPuts(n int)
	// endsInDelete is true for a row in memory whose newest version is a delete.
	endsInDelete(id int) bool
	// decodes is an error for bytes that are no value.
	decodes(value []byte) error
}

// newVersionedCore is the store without its rows, and the part of the environment that these are opened in.
func newVersionedCore(name string, env storage.Env, options storage.Options) (*versionedCore, rows.Env) {
	c, part := &versionedCore{}, rows.Env(env)
	c.clock, c.timed, c.retention = rows.NewClock(), true, eventtime.Keep(options.Retention)
	c.index, c.more = rows.NewIndex(name, part), (*versionPuts)(c)
	return c, part.Part(rows.RowsPart)
}

// horizon is the time before which versions are not known, unless they are still valid.
func (c *versionedCore) horizon() int64 { return c.clock.Time() - c.retention }

// takes moves the time on to that of a version that is about to be put; false if that is older than the history, or is
// none.
func (c *versionedCore) takes(from int64) (bool, error) {
	if from < 0 {
		return false, fmt.Errorf("state: store %s: version from %d: must be 0 or more, as the changelog takes no other",
			c.Name(), from)
	}
	if err := c.rows.Writable(); err != nil {
		return false, err
	}
	c.Observe(from)
	return from >= c.horizon(), nil
}

// put follows a version that was put into a row.
func (c *versionedCore) put(b []byte, from int64, there, newest bool) error {
	key := append([]byte(nil), c.user(b)...)
	c.puts = append(c.puts, versionPut{key, from, there})
	c.rows.Owe(len(key))
	if newest && !there {
		return c.index.Put(c.deletedKey(key, from))
	}
	return nil
}

func (c *versionedCore) deletedKey(key []byte, at int64) []byte {
	b := append(make([]byte, 0, len(c.index.Prefix())+timeSize+len(key)), c.index.Prefix()...)
	return append(binary.BigEndian.AppendUint64(b, uint64(at)), key...)
}

// versionPuts are the puts of a store as what is taken back with its rows.
type versionPuts versionedCore

func (p *versionPuts) Mark()      { p.markPuts = len(p.puts) }
func (p *versionPuts) Undo()      { p.cut(p.markPuts) }
func (p *versionPuts) Committed() { p.Abort(); p.batch, p.batched = nil, nil }
func (p *versionPuts) Abort()     { p.cut(0); p.markPuts = 0 }

func (p *versionPuts) cut(n int) {
	clear(p.puts[n:])
	p.puts = p.puts[:n]
	p.values.cutPuts(n)
}

// Flush encodes what was written since the last commit: the rows for the database, each version for the changelog.
func (c *versionedCore) Flush(b store.Batch, log rows.Changelog) error {
	if err := c.bury(); err != nil {
		return err
	}
	if err := c.rows.Flush(b, unlogged{log}, func(dst, _ []byte) []byte { return dst }); err != nil {
		return err
	}
	for n, p := range c.puts {
		var value []byte
		if p.there {
			v, err := c.values.appendPut(log.Room(), n)
			if err != nil {
				return fmt.Errorf("state: store %s, key %q: %w: %w", c.Name(), p.key, ErrEncode, err)
			}
			value = log.Keep(v)
		}
		log.Append(log.Keep(append(log.Room(), p.key...)), value, p.from)
	}
	return c.index.Flush(b)
}

// bury removes the rows whose newest version is a delete that is older than the history.
func (c *versionedCore) bury() error {
	return c.index.Below(c.deletedKey(nil, c.oldest()), func(b []byte) (bool, error) {
		at, key := int64(binary.BigEndian.Uint64(b)), append(append([]byte(nil), c.rows.Prefix()...), b[timeSize:]...)
		id, newest, ok, err := c.rows.Get(key)
		if err != nil {
			return false, err
		}
		if ok && newest == at && c.values.endsInDelete(id) {
			if err := c.rows.Delete(key, at); err != nil {
				return false, err
			}
		}
		return true, c.index.Delete(c.deletedKey(b[timeSize:], at))
	})
}

// unlogged keeps rows out of the changelog.
type unlogged struct{ rows.Changelog }

func (unlogged) Append(_, _ []byte, _ int64) {}

// Restore enters a changelog record.
func (c *versionedCore) Restore(b store.Batch, key, value []byte, timestamp int64) error {
	v := version[[]byte]{from: timestamp, there: value != nil}
	if v.there {
		if err := c.values.decodes(value); err != nil {
			return fmt.Errorf("state: store %s: %w: value: %w", c.Name(), store.ErrMalformed, err)
		}
		v.value = append([]byte{}, value...)
	}
	c.Observe(timestamp)
	c.rows.Doubt()
	newest, err := c.restored(b, append(append([]byte(nil), c.rows.Prefix()...), key...), v)
	if err != nil || !newest || v.there {
		return err
	}
	return c.index.Restore(b, c.deletedKey(key, timestamp), true)
}

// Rewrite appends all versions of a key to the changelog once more. A key without versions gets no record: a delete
// would be one.
func (c *versionedCore) Rewrite(log rows.Changelog, key []byte, _ int64) error {
	row, _, ok, err := c.rows.Encoded(log.Room(), append(append([]byte(nil), c.rows.Prefix()...), key...))
	if err != nil || !ok {
		return err
	}
	list, err := encodedVersions.Decode(log.Keep(row))
	if err != nil {
		return c.rows.Undecodable(err)
	}
	key = log.Keep(append(log.Room(), key...))
	for _, v := range list {
		var value []byte
		if v.there {
			value = append([]byte{}, v.value...)
		}
		log.Append(key, value, v.from)
	}
	return nil
}

// encodedVersions is the serde of rows whose values stay encoded.
var encodedVersions = versions[[]byte]{serde.Bytes}

// restored adds a version to a row in a batch, which may have changed the row before.
func (c *versionedCore) restored(b store.Batch, key []byte, v version[[]byte]) (newest bool, err error) {
	if c.batch != b {
		c.batch, c.batched = b, map[string][]version[[]byte]{}
	}
	list, ok := c.batched[string(key)]
	if !ok {
		if list, err = c.stored(key); err != nil {
			return false, err
		}
	}
	list, newest = insert(list, v, c.horizon())
	c.batched[string(key)] = list
	value, err := encodedVersions.Append(nil, list)
	if err != nil {
		return false, err
	}
	return newest, c.rows.Restore(b, key, value, list[len(list)-1].from)
}

// stored is the row of a key in the database.
func (c *versionedCore) stored(key []byte) ([]version[[]byte], error) {
	value, _, ok, err := c.rows.Stored(key)
	if err != nil || !ok {
		return nil, err
	}
	list, err := encodedVersions.Decode(value)
	if err != nil {
		return nil, c.rows.Undecodable(err)
	}
	return list, nil
}

package state

import (
	"time"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// Join declares the stores of a join of two streams: a buffer for each side and, for left and outer joins, one for the
// records that wait for a partner. Their names and bytes are those that Kafka Streams gives a join of the same name.
type Join[K, L, R any] struct {
	name        string
	key         serde.Serde[K]
	left        serde.Serde[L]
	right       serde.Serde[R]
	inMemory    bool
	noChangelog bool
}

// NewJoin declares the stores of a join. The name is the prefix of theirs, and must not change as long as the state
// matters.
func NewJoin[K, L, R any](name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R]) Join[K, L, R] {
	return Join[K, L, R]{name: name, key: key, left: left, right: right}
}

// InMemory is the same with rows in memory: they are restored from the changelogs at each start.
func (j Join[K, L, R]) InMemory() Join[K, L, R] {
	j.inMemory = true
	return j
}

// NoChangelog is the same without changelog topics: records that wait are lost with the state directory.
func (j Join[K, L, R]) NoChangelog() Join[K, L, R] {
	j.noChangelog = true
	return j
}

// Name is the name that was given.
func (j Join[K, L, R]) Name() string { return j.name }

// LeftBuffer is the buffer of left records, kept for a time. leftAlone and rightAlone say which side's records come out
// without a partner; the names follow from it.
func (j Join[K, L, R]) LeftBuffer(keep time.Duration, leftAlone, rightAlone bool) Buffer[K, L] {
	name := j.name + "-this-join-store"
	if rightAlone {
		name = j.name + "-outer-this-join-store"
	}
	out := NewBuffer(name, j.key, j.left)
	out.spec = out.spec.With(j.options(keep, j.left))
	return out
}

// RightBuffer is the buffer of right records.
func (j Join[K, L, R]) RightBuffer(keep time.Duration, leftAlone, rightAlone bool) Buffer[K, R] {
	name := j.name + "-other-join-store"
	if leftAlone {
		name = j.name + "-outer-other-join-store"
	}
	out := NewBuffer(name, j.key, j.right)
	out.spec = out.spec.With(j.options(keep, j.right))
	return out
}

// Unmatched is the store of the records that wait for a partner.
func (j Join[K, L, R]) Unmatched(leftAlone, rightAlone bool) Unmatched[K, L, R] {
	name := j.name + "-left-shared-join-store"
	if rightAlone {
		name = j.name + "-outer-shared-join-store"
	}
	out := NewUnmatched(name, j.key, j.left, j.right)
	out.spec = out.spec.With(j.options(0, j.left, j.right))
	return out
}

func (j Join[K, L, R]) options(keep time.Duration, values ...any) storage.Options {
	o := storage.WrittenBy(j.key, values...)
	o.InMemory, o.NoChangelog, o.Retention = j.inMemory, j.noChangelog, keep
	return o
}

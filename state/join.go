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

// Stores is for the library: what Joining can say has no name elsewhere.
func (j Join[K, L, R]) Stores(
	of storage.Joining,
) (left Buffer[K, L], right Buffer[K, R], rest storage.Joined[K, L, R]) {
	leftName, rightName, restName := "-this-join-store", "-other-join-store", "-left-shared-join-store"
	if of.LeftAlone {
		rightName = "-outer-other-join-store"
	}
	if of.RightAlone {
		leftName, restName = "-outer-this-join-store", "-outer-shared-join-store"
	}
	left, right = NewBuffer(j.name+leftName, j.key, j.left), NewBuffer(j.name+rightName, j.key, j.right)
	left.spec, right.spec = left.spec.With(j.options(of.Keep, j.left)), right.spec.With(j.options(of.Keep, j.right))
	unmatched := newUnmatched(j.name+restName, j.key, j.left, j.right).With(j.options(0, j.left, j.right))
	return left, right, storage.Joined[K, L, R]{Name: j.name, Unmatched: storage.UnmatchedOf[K, L, R](unmatched)}
}

func (j Join[K, L, R]) options(keep time.Duration, values ...any) storage.Options {
	o := storage.WrittenBy(j.key, values...)
	o.InMemory, o.NoChangelog, o.Retention = j.inMemory, j.noChangelog, keep
	return o
}

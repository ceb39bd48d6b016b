package graph

import (
	"github.com/millstream-go/millstream/internal/steady"
	"github.com/millstream-go/millstream/serde"
)

// Checked is the serde of what a step compares by its bytes, as the row of a join by foreign key. In the test driver,
// and in an application that is built with -tags invariants, it finds values that do not have the same bytes each time,
// serde.ErrUnsteady; elsewhere it is the serde itself. Keys of stores and of topics that are written are checked
// without it.
func Checked[T any](ctx AnyContext, s serde.Serde[T]) serde.Serde[T] {
	return checkedIn(ctx.scoped().in, s)
}

func checkedIn[T any](in *Instance, s serde.Serde[T]) serde.Serde[T] {
	if in.host == nil || !in.host.Watches() {
		return s
	}
	return steady.Serde(s)
}

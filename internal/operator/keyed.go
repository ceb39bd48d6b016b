package operator

import "github.com/millstream-go/millstream/internal/graph"

// Keyed drops and counts the records without a key: they belong to no partition of a repartition topic.
func Keyed() graph.Step { return &withKey{} }

type withKey struct{ _ byte }

func (k *withKey) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		ctx.Drop(graph.DropNullKey)
		return nil
	}
	return ctx.Forward(r)
}

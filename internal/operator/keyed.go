package operator

import "github.com/millstream-go/millstream/topology"

// Keyed drops and counts the records without a key: they belong to no partition of a repartition topic.
func Keyed() topology.Step { return &withKey{} }

type withKey struct{ _ byte }

func (k *withKey) Process(ctx *flowContext, r *flow) error {
	if r.Key == nil {
		ctx.Drop(topology.DropNullKey)
		return nil
	}
	return ctx.Forward(r)
}

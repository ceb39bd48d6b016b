package topology

// Contextual is a start for processors: it keeps the context, and has an Init and a Close that do no more. A processor
// embeds it and adds Process.
type Contextual[K, V any] struct {
	Ctx *Context[K, V]
}

// Init keeps the context.
func (c *Contextual[K, V]) Init(ctx *Context[K, V]) error {
	c.Ctx = ctx
	return nil
}

// Close does nothing.
func (c *Contextual[K, V]) Close() error { return nil }

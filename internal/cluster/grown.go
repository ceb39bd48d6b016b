package cluster

import "fmt"

// GrownTopicError means that an input topic has got more partitions while the application runs. It has to start again
// to read them; and if it has state, or joins the topic with others, that is kept by partition, so that its layout
// must be changed first (docs/rescaling.md).
type GrownTopicError struct {
	Topic    string
	Had, Has int32 // partitions
}

func (e *GrownTopicError) Error() string {
	return fmt.Sprintf("topic %s has grown from %d partitions to at least %d: start the application again; if it "+
		"has state or joins, first move what it keeps with millstream rescale", e.Topic, e.Had, e.Has)
}

package cluster

import "fmt"

// GrownTopicError means that an input topic has got more partitions while the application runs. It has to start again
// to read them; and if it has state, or joins the topic with others, that is kept by partition, so that it must start
// anew, under another application id, with topics that are alike.
type GrownTopicError struct {
	Topic    string
	Had, Has int32 // partitions
}

func (e *GrownTopicError) Error() string {
	return fmt.Sprintf("topic %s has grown from %d partitions to at least %d: start the application again",
		e.Topic, e.Had, e.Has)
}

package worker

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

// grown finds partitions that did not exist when the session began. Topics that it does not know are left: they match
// a pattern, and only the leader of the group has found them yet.
func (l *Layout) grown(assigned offsets) error {
	for topic, partitions := range assigned {
		had, has := l.Partitions.Topics[topic], int32(0)
		for p := range partitions {
			has = max(has, p+1)
		}
		switch {
		case had == 0 || has <= had:
		case l.matched[topic] > 0:
			return errTopicsChanged
		default:
			return &GrownTopicError{Topic: topic, Had: had, Has: has}
		}
	}
	return nil
}

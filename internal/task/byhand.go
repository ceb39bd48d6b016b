package task

import (
	"maps"

	"github.com/millstream-go/millstream/internal/graph"
)

// byHand is true for an offset that no commit of an application has made: those of ours, and of Kafka Streams, have
// metadata. It was given to the group with Kafka's own tools: up to where the state has counted then, and which windows
// had been closed, only a directory can tell.
func (c Committed) byHand() bool {
	_, committed := graph.ParseMetadata(c.Metadata)
	return c.Offset >= 0 && !c.Chosen && !committed
}

// withTimes are committed offsets as their times are to be read: in place of one that was given by hand stands the last
// commit that the directory knows of. Where it was set back time goes back, too: what comes again would be late.
func (t *Task) withTimes(committed map[string]Committed) map[string]Committed {
	out := maps.Clone(committed)
	for _, in := range t.inputs {
		c, at := committed[in.Topic], in.stored
		if c.byHand() && at.Offset >= 0 && at.Offset <= c.Offset && !at.otherTopic(in.topic) {
			c.Offset, c.Metadata = at.Offset, at.Metadata
			out[in.Topic] = c
		}
	}
	return out
}

// noteByHand tells of an offset that nothing can be compared with.
func (in *Input) noteByHand(c Committed) {
	if c.byHand() && in.stored.Offset < 0 && in.task.ahead {
		in.warn("the group's offset was given by hand, and there is no directory: whether the rows of the changelogs fit "+
			"it, and which windows have been closed, is not known", "offset", c.Offset)
	}
}

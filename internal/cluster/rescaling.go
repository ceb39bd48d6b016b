package cluster

import (
	"context"
	"fmt"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
)

// RescalingError means that a change of the number of partitions is under way, or was broken off: the application's
// topics may lie half in the old and half in the new layout. Run the command again, which goes on where it was, or
// undoes it: millstream rescale, or package streams/rescale.
type RescalingError struct{ App string }

func (e *RescalingError) Error() string {
	return fmt.Sprintf("the number of partitions of application %s is being changed, or that was broken off: "+
		"run `millstream rescale %s` again to go on, or with --undo", e.App, e.App)
}

func rescaling(metadata string) bool {
	_, under := graph.DecodeMetadata(metadata).Times[task.RescalingKey]
	return under
}

// refuseRescaling is a RescalingError while a change of partitions is under way, also where the topics do not look as
// they should for that reason. Each session looks once more, at the offsets that it begins with; so what is not told
// here is no error.
func (c *Cluster) refuseRescaling(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	committed, err := c.admin.FetchOffsets(ctx, c.setup.Topology.App())
	if err != nil {
		return nil
	}
	for _, partitions := range committed {
		for _, o := range partitions {
			if rescaling(o.Metadata) {
				return &RescalingError{App: c.setup.Topology.App()}
			}
		}
	}
	return nil
}

package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// TestWrongJobs are told before anything is tried, with what to do: a fault of an unknown name would never come, and a
// topic that is not there would end each instance.
func TestWrongJobs(t *testing.T) {
	from := streams.NewTopic("from", serde.String, serde.String)
	to := streams.NewTopic("to", serde.String, serde.String)
	build := func() (*streams.Topology, error) {
		b := streams.NewBuilder("app")
		streams.From(b, from).To(to)
		return b.Build()
	}
	in, out := []Input{In(from, 1)}, []Output{Out(to, 1, Same)}
	empty := func() (*streams.Topology, error) { return streams.NewBuilder("app").Build() }

	require.NoError(t, (&Job{Topology: build, Inputs: in, Outputs: out}).check())
	require.NoError(t, (&Job{Topology: build, Inputs: in, Outputs: out, Upgrade: build, Faults: Kinds()}).check())
	for want, job := range map[string]Job{
		`no kind of faults "crashs": did you mean "crash"? there are away, broker-`: {
			Topology: build, Inputs: in, Outputs: out, Faults: []string{"cut", "crashs"},
		},
		`Job.Topology reads topic "from", which is in neither Inputs nor Outputs: add it to Inputs`: {
			Topology: build, Outputs: out,
		},
		`Job.Topology writes topic "to", which is in neither Inputs nor Outputs: add it to Outputs`: {
			Topology: build, Inputs: in,
		},
		"Job.Upgrade: topology: no source": {Topology: build, Upgrade: empty, Inputs: in, Outputs: out},
		"Job.Topology is nil":              {Inputs: in, Outputs: out},
		"Job.Instances is -1":              {Topology: build, Inputs: in, Outputs: out, Instances: -1},
	} {
		require.ErrorContains(t, job.check(), want)
	}
}

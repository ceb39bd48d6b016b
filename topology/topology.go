package topology

import "github.com/millstream-go/millstream/internal/graph"

// Topology is what streams.Builder.Build made: sub-topologies, stores and topics, under an application id. It is
// immutable, and describes only; streams.New and the test driver run it.
type Topology graph.Topology

// of is the topology as the engine has it.
func (t *Topology) of() *graph.Topology { return (*graph.Topology)(t) }

// App is the application id: the group id, and the prefix of the internal topics.
func (t *Topology) App() string { return t.of().App() }

// WithApp is the same topology under another application id.
func (t *Topology) WithApp(app string) (*Topology, error) {
	other, err := t.of().WithApp(app)
	return (*Topology)(other), err
}

// ExternalTopics are the topics that must exist before the application starts, sorted: those that it reads and writes
// by name. Its internal topics the application creates itself; a Lock names them.
func (t *Topology) ExternalTopics() (sources, sinks []string) { return t.of().ExternalTopics() }

package graph

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/storage"
)

// Kind is what a node is.
type Kind int

const (
	SourceNode Kind = iota
	ProcessorNode
	SinkNode
)

// String is source, processor or sink.
func (k Kind) String() string { return [...]string{"source", "processor", "sink"}[k] }

// Node is one step of a topology, as described: it runs only as part of an Instance.
type Node struct {
	Name     string
	Kind     Kind
	Topic    *Topic         // of a source or sink
	Stores   []storage.Spec // that the step may use
	Lookups  []storage.Spec // stores of global tables that the step may read
	Global   bool           // part of a global table: runs on every instance, in no task
	Parents  []*Node
	Children []*Node
	Site     string // file:line of the call that made it
	Windows  string // that the step keeps in its stores, see windows.Defined
	Grace    time.Duration
	output   string // of a named output of the step in front: its name
	suffix   int    // of a source: bytes at the end of its keys that take no part in partitioning

	takes, gives types                               // of its records, where they are known
	forwarder    func(forward func(*Flow) error) any // of a named output: a func(Record[K, V]) error
	// link makes the node's inlet for one instance. Children are the inlets of the nodes downstream. A source's inlet
	// is an Inlet, any other's an inletFunc.
	link func(in *Instance, children []inletFunc) (inlet any, err error)
	make func() any // the processor of a task; nil for nodes without one
	// hooks finds what a processor of the node can do beyond Process, to be called with a context.
	hooks func(p, ctx any) hooks
}

// Topic is a topic that a node reads or writes, as declared.
type Topic struct {
	Name string // of a repartition topic: without the application's prefix and without the suffix
	// Pattern stands for all topics whose names it matches, nil for one topic. Name is its text then.
	Pattern *regexp.Regexp
	// Repartition is true for an internal topic that the application creates and purges.
	Repartition bool
	// FullName is true for an internal topic whose name gets no suffix.
	FullName bool
	// Split is how records are spread over the partitions, as far as it is known.
	Split Split
	// Partitions of a repartition topic; 0: as many as the largest source of the sub-topology that writes it.
	Partitions int32
	Key, Value string // formats, for messages and lock files
	// Keys and Values are the serdes of what the topic holds, for serde.ShapesOf and serde.Start; Within are others,
	// whose bytes the values have in them.
	Keys, Values any
	Within       []any
	Site         string
	Reset        Reset
	Past         time.Duration // with Reset Past: how far back
	Global       bool          // read whole by every instance, for a global table
}

// Reset says where a source starts when its group has no committed offset for a partition.
type Reset int

const (
	Earliest  Reset = iota // at the start of the log: the default
	Latest                 // at its end
	Committed              // nowhere: that is an error
	Past                   // at the first record that is not older than the topic's Past
)

// String is earliest, latest, committed or past.
func (r Reset) String() string { return [...]string{"earliest", "latest", "committed", "past"}[r] }

// ResetText is the reset with how far back it goes.
func (t *Topic) ResetText() string {
	if t.Reset == Past {
		return fmt.Sprintf("%v %v", t.Reset, t.Past)
	}
	return t.Reset.String()
}

// Graph is a topology under construction. Mistakes are collected, not returned: Compile reports all of them together.
type Graph struct {
	nodes        []*Node
	sources      map[string]*Node
	copartitions []Copartition
	errs         []error
	built        bool // a topology has been made of it
	makers       makers
}

// NewGraph is an empty graph.
func NewGraph() *Graph { return &Graph{sources: map[string]*Node{}} }

// Roots appends the sources that records of n come from. Nodes that were seen before are left out: streams may be split
// and merged over and over.
func (n *Node) Roots(out []*Node, seen map[*Node]bool) []*Node {
	if seen[n] {
		return out
	}
	seen[n] = true
	if n.Kind == SourceNode {
		return append(out, n)
	}
	for _, p := range n.Parents {
		out = p.Roots(out, seen)
	}
	return out
}

// Entwined is true if one record may change rows that both n and other show, before either hears of the other's change:
// if both lie behind a step that keeps one of the stores that their rows are looked up in.
func (n *Node) Entwined(other *Node, stores []storage.Spec) bool {
	mine, theirs := map[*Node]bool{}, map[*Node]bool{}
	n.upstream(mine)
	other.upstream(theirs)
	for u := range mine {
		for _, s := range u.Stores {
			if theirs[u] && slices.ContainsFunc(stores, func(o storage.Spec) bool { return o.Name() == s.Name() }) {
				return true
			}
		}
	}
	return false
}

// upstream adds the node and those in front of it.
func (n *Node) upstream(seen map[*Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	for _, p := range n.Parents {
		p.upstream(seen)
	}
}

// KeepsOwnKeys is true for a step whose stores may have rows under other keys than those of the records: a processor of
// the user's, or one that finds records again by an id of theirs.
func (n *Node) KeepsOwnKeys() bool {
	op, _, _ := strings.Cut(n.Name, "-")
	return op == "process" || op == "processvalues" || op == "deduplicate"
}

// Fail records a mistake in the topology.
func (g *Graph) Fail(site, format string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf("%s: %w", site, fmt.Errorf(format, args...)))
}

// Source is the source node of a topic that is there already, or nil.
func (g *Graph) Source(topic *Topic) *Node { return g.sources[topic.id()] }

func (t *Topic) id() string {
	switch {
	case t.Repartition:
		return "repartition " + t.Name
	case t.Pattern != nil:
		return "pattern " + t.Name
	}
	return t.Name
}

func (g *Graph) add(n *Node, op string) *Node {
	n.Name = fmt.Sprintf("%s-%d", op, len(g.nodes))
	if g.built {
		g.Fail(n.Site, "a step, %s, is added to a topology that has been built: add it before Build", op)
		return n
	}
	if n.Kind == SourceNode {
		g.sources[n.Topic.id()] = n
	}
	g.nodes = append(g.nodes, n)
	for _, p := range n.Parents {
		p.Children = append(p.Children, n)
		n.Global = n.Global || p.Global
	}
	return n
}

// Before moves n in front of a sibling: among the children of the parents that they share, n gets each record first.
func (n *Node) Before(sibling *Node) {
	for _, p := range sibling.Parents {
		if from, to := slices.Index(p.Children, n), slices.Index(p.Children, sibling); from > to && to >= 0 {
			p.Children = slices.Insert(slices.Delete(p.Children, from, from+1), to, n)
		}
	}
}

// Site is the file:line of the first caller outside the library: what a message about the topology points at.
func Site() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !inLibrary(f) {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

// PanicSite is the file:line of the code that panics: the first one outside of Go's runtime and of the library. It is
// for a deferred function that recovers; empty if nobody's code is between that and the panic.
func PanicSite() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panics := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panics = true
		case panics && !strings.HasPrefix(f.Function, "runtime.") && !ofModule(f):
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return ""
		}
	}
}

// ofModule is true for all packages of the library, but not for their tests and the examples.
func ofModule(f runtime.Frame) bool {
	name, ours := strings.CutPrefix(f.Function, module)
	return ours && !strings.HasPrefix(name, "examples/") && !strings.HasSuffix(f.File, "_test.go")
}

const module = "github.com/millstream-go/millstream/"

// inLibrary is true for the packages whose calls are not the user's own. Tests of these packages count as users.
func inLibrary(f runtime.Frame) bool {
	if strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	for _, p := range []string{
		"streams.", "streams/connect/", "topology.", "internal/graph.", "internal/operator.", "state.", "window.",
	} {
		if strings.HasPrefix(f.Function, module+p) {
			return true
		}
	}
	return false
}

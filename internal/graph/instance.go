package graph

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// TaskID names a task: one sub-topology for one partition of its inputs.
type TaskID struct {
	Sub       int
	Partition int32
}

// String is the id as Kafka Streams writes it: 0_3; of global tables, global.
func (id TaskID) String() string {
	if id.Sub == GlobalSub {
		return "global"
	}
	return fmt.Sprintf("%d_%d", id.Sub, id.Partition)
}

// ParseTaskID reads what String wrote.
func ParseTaskID(text string) (TaskID, error) {
	sub, partition, ok := strings.Cut(text, "_")
	s, err1 := strconv.Atoi(sub)
	p, err2 := strconv.ParseInt(partition, 10, 32)
	if !ok || err1 != nil || err2 != nil || s < 0 || p < 0 {
		return TaskID{}, fmt.Errorf("topology: %q is not a task id such as 0_3", text)
	}
	return TaskID{Sub: s, Partition: int32(p)}, nil
}

// Instance is a sub-topology linked for one task: calls from each inlet to each sink.
type Instance struct {
	Topology *Topology
	Task     TaskID
	// Inlets by topic name, internal names resolved.
	Inlets map[string]Inlet

	host   Host
	outbox *Outbox
	node   *Node // that runs now; after an error or a panic, the one that failed
	steps  []step

	begun       int // steps whose init has succeeded
	remembering []Remembering
	committing  []hook
	settling    []hook
	advancing   []advancing
	asking      []asking // those downstream first
}

// step is a processor of the task: make makes it, and gives it the records.
type step struct {
	node  *Node
	make  func() (hooks, error)
	close func() error // nil if there is nothing to close
}

// hook is a call that a step gets now and then.
type hook struct {
	node *Node
	call func() error
}

// advancing is a step that acts as time moves on.
type advancing struct {
	node    *Node
	advance func(timestamp int64) error
}

// Link makes an instance of a sub-topology. Nothing of the user's runs before Init.
func (t *Topology) Link(id TaskID, host Host, outbox *Outbox) (*Instance, error) {
	in := &Instance{Topology: t, Task: id, Inlets: map[string]Inlet{}, host: host, outbox: outbox}
	linked := map[*Node]any{}
	for _, n := range t.Sub(id.Sub).Sources {
		inlet, err := in.link(n, linked)
		if err != nil {
			return nil, err
		}
		in.Inlets[t.TopicName(n.Topic)] = inlet.(Inlet)
	}
	return in, nil
}

// link links what is downstream of n before n itself.
func (in *Instance) link(n *Node, linked map[*Node]any) (any, error) {
	if inlet, ok := linked[n]; ok {
		return inlet, nil
	}
	if err := n.checkTypes(); err != nil {
		return nil, err
	}
	children := make([]inletFunc, len(n.Children))
	for i, c := range n.Children {
		inlet, err := in.link(c, linked)
		if err != nil {
			return nil, err
		}
		children[i] = inlet.(inletFunc)
	}
	inlet, err := n.link(in, children)
	linked[n] = inlet
	return inlet, err
}

// Init makes and initialises the steps, those downstream first. After an error Node tells whose it is.
func (in *Instance) Init() error {
	for i := range in.steps {
		s := &in.steps[i]
		in.node = s.node
		h, err := s.make()
		if err != nil {
			return err
		}
		in.note(s, h)
		if h.init != nil {
			if err := h.init(); err != nil {
				return err
			}
		}
		in.begun++
	}
	return in.settle()
}

// note remembers what the processor of a step can do beyond Process.
func (in *Instance) note(s *step, h hooks) {
	s.close = h.close
	if h.remembering != nil {
		in.remembering = append(in.remembering, h.remembering)
	}
	if h.asking != nil {
		in.asking = append(in.asking, asking{s.node, h.asking})
	}
	if h.advance != nil {
		in.advancing = append(in.advancing, advancing{s.node, h.advance})
	}
	if h.settle != nil {
		in.settling = append(in.settling, hook{s.node, h.settle})
	}
	if h.beforeCommit != nil {
		in.committing = append(in.committing, hook{s.node, h.beforeCommit})
	}
}

// Close closes the steps that were initialised and returns their errors joined. Each call goes through shielded, which
// makes an error of a panic, so that one step does not keep others from being closed.
func (in *Instance) Close(shielded func(call func() error) error) error {
	var errs []error
	for _, s := range in.steps[:in.begun] {
		if s.close == nil {
			continue
		}
		in.node = s.node
		if err := shielded(s.close); err != nil {
			errs = append(errs, fmt.Errorf("close of %s (%s): %w", s.node.Name, s.node.Site, err))
		}
	}
	return errors.Join(errs...)
}

// Mark makes the present memory of the steps the one that Undo returns to.
func (in *Instance) Mark() {
	for _, r := range in.remembering {
		r.Mark()
	}
}

// Undo takes back what the steps remember since Mark.
func (in *Instance) Undo() {
	for _, r := range in.remembering {
		r.Undo()
	}
}

// BeforeCommit lets the steps say what they have for the commit, those upstream first.
func (in *Instance) BeforeCommit() error {
	for _, s := range slices.Backward(in.committing) {
		if err := in.enter(s.node, s.call); err != nil {
			return err
		}
		if err := in.settle(); err != nil {
			return err
		}
	}
	return nil
}

// advance tells the steps the time of the record that comes. What one of them does goes through all steps, with what is
// held back, before the next one acts, or the record comes.
func (in *Instance) advance(timestamp int64) error {
	for _, s := range slices.Backward(in.advancing) {
		in.node = s.node
		if err := s.advance(timestamp); err != nil {
			return err
		}
		if err := in.settle(); err != nil {
			return err
		}
	}
	return nil
}

// settle lets the steps say what they have held back while a record went through all of them.
func (in *Instance) settle() error {
	for _, s := range slices.Backward(in.settling) {
		if err := in.enter(s.node, s.call); err != nil {
			return err
		}
	}
	return nil
}

// Node is the node that runs, or that has failed.
func (in *Instance) Node() *Node { return in.node }

func (in *Instance) enter(n *Node, call func() error) error {
	in.node = n
	return call()
}

package metamorphic

import (
	"errors"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// tries bounds the runs that shrinking one case takes.
const tries = 3000

// Shrink makes a failing case smaller for as long as it fails in the same way, greedily: fewer steps, fewer nodes, a
// simpler variation. It returns the smallest case found, with its error.
func (c *Case) Shrink(dir string, failure error) (*Case, error) {
	s := &shrinker{check: func(c *Case) error { return c.Check(dir) }, best: c, failure: failure}
	s.shrink()
	return s.best, s.failure
}

type shrinker struct {
	check       func(c *Case) error
	best        *Case
	failure     error
	tried, kept int
}

func (s *shrinker) shrink() {
	for progress := true; progress && s.tried < tries; {
		progress = false
		for _, pass := range []func(){s.variation, s.steps, s.nodes, s.shortcuts, s.details} {
			before := s.kept
			pass()
			progress = progress || s.kept > before
		}
	}
}

// try keeps what change makes of a copy of the best case, if that fails in the same way.
func (s *shrinker) try(change func(c *Case)) bool {
	if s.tried >= tries {
		return false
	}
	c := s.best.clone()
	change(c)
	c.Scenario.Steps = arrange(c.Scenario.Topology, c.Scenario.Steps)
	if string(line(c)) == string(line(s.best)) {
		return false
	}
	s.tried++
	err := s.check(c)
	if err == nil || errors.Is(err, errRule) || failedRun(err) != failedRun(s.failure) {
		return false
	}
	s.best, s.failure = c, err
	s.kept++
	return true
}

// failedRun is the run that went wrong; empty where both went well and differ.
func failedRun(err error) string {
	var failed *RunError
	if errors.As(err, &failed) {
		return failed.Run
	}
	return ""
}

func (c *Case) clone() *Case {
	out, scenario := *c, *c.Scenario
	scenario.Topology, scenario.Steps = nil, slices.Clone(scenario.Steps)
	for _, n := range c.Scenario.Topology {
		n.Ins, n.Branches = slices.Clone(n.Ins), slices.Clone(n.Branches)
		scenario.Topology = append(scenario.Topology, n)
	}
	out.Scenario = &scenario
	out.Variation.Events = slices.Clone(c.Variation.Events)
	out.Variation.InMemory = slices.Clone(c.Variation.InMemory)
	return &out
}

// variation tries the plain way, setting by setting.
func (s *shrinker) variation() {
	for _, change := range []func(c *Case){
		func(c *Case) { c.Plain.Partitions, c.Variation.Partitions = 1, 1 },
		func(c *Case) { c.Variation.Partitions = c.Plain.Partitions },
		func(c *Case) { c.Plain.Partitions = 1 },
		func(c *Case) { c.Variation.CommitEvery = 1 },
		func(c *Case) { c.Variation.CacheBytes = plenty },
		func(c *Case) { c.Variation.Pebble = false },
		func(c *Case) { c.Variation.AtLeastOnce = false },
		func(c *Case) { c.Variation.InMemory = nil },
	} {
		s.try(change)
	}
	for i := len(s.best.Variation.Events) - 1; i >= 0; i-- {
		s.try(func(c *Case) { c.Variation.Events = slices.Delete(c.Variation.Events, i, i+1) })
	}
	for i := len(s.best.Variation.InMemory) - 1; i >= 0; i-- {
		s.try(func(c *Case) { c.Variation.InMemory = slices.Delete(c.Variation.InMemory, i, i+1) })
	}
}

// steps takes steps out, large runs of them first.
func (s *shrinker) steps() {
	for size := (len(s.best.Scenario.Steps) + 1) / 2; size > 0; size /= 2 {
		for from := len(s.best.Scenario.Steps) - size; from >= 0; from -= size {
			s.try(func(c *Case) { c.cut(from, size) })
		}
	}
}

// cut removes steps; events keep their places among those that stay.
func (c *Case) cut(from, size int) {
	c.Scenario.Steps = slices.Delete(c.Scenario.Steps, from, from+size)
	for i := range c.Variation.Events {
		e := &c.Variation.Events[i]
		e.Before -= max(0, min(e.Before-from, size))
	}
}

// nodes takes nodes out, with all that comes from them, or makes their readers read their inputs instead.
func (s *shrinker) nodes() {
	for i := len(s.best.Scenario.Topology) - 1; i >= 0; i-- {
		if i >= len(s.best.Scenario.Topology) || s.try(func(c *Case) { c.remove(i) }) {
			continue
		}
		n := s.best.Scenario.Topology[i]
		for _, in := range n.Operands() {
			if s.try(func(c *Case) { c.bypass(i, in) }) {
				break
			}
		}
	}
}

func (c *Case) remove(i int) {
	gone := map[string]bool{}
	mark := func(n conformance.Node) {
		for _, id := range n.Results() {
			gone[id] = true
		}
	}
	mark(c.Scenario.Topology[i])
	kept := slices.Clone(c.Scenario.Topology[:i])
	for _, n := range c.Scenario.Topology[i+1:] {
		if slices.ContainsFunc(n.Operands(), func(id string) bool { return gone[id] }) {
			mark(n)
			continue
		}
		kept = append(kept, n)
	}
	c.Scenario.Topology = kept
	c.dropUnread()
}

// dropUnread takes out the steps of topics that nothing reads.
func (c *Case) dropUnread() {
	read := map[string]bool{}
	for _, n := range c.Scenario.Topology {
		read[n.Topic] = true
	}
	for i := len(c.Scenario.Steps) - 1; i >= 0; i-- {
		if p := c.Scenario.Steps[i].Pipe; p != nil && !read[p.Topic] {
			c.cut(i, 1)
		}
	}
}

// bypass takes node i out; whatever read it reads in instead.
func (c *Case) bypass(i int, in string) {
	results := c.Scenario.Topology[i].Results()
	instead := func(id *string) {
		if slices.Contains(results, *id) {
			*id = in
		}
	}
	c.Scenario.Topology = slices.Delete(c.Scenario.Topology, i, i+1)
	for j := range c.Scenario.Topology {
		n := &c.Scenario.Topology[j]
		instead(&n.In)
		instead(&n.With)
		for k := range n.Ins {
			instead(&n.Ins[k])
		}
	}
	c.dropUnread()
}

// shortcuts makes nodes read what came before their inputs, where that leaves inputs unread.
func (s *shrinker) shortcuts() {
	for i := len(s.best.Scenario.Topology) - 1; i > 0; i-- {
		for j := range i {
			if i < len(s.best.Scenario.Topology) && s.shortcut(i, s.best.Scenario.Topology[j].Results()) {
				break
			}
		}
	}
}

func (s *shrinker) shortcut(i int, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool {
		return s.try(func(c *Case) {
			n := &c.Scenario.Topology[i]
			if before := n.In; before != "" {
				n.In = id
				if !c.removeUnread(before) {
					n.In = before
				}
			}
		})
	})
}

// removeUnread removes a node, and those before it, if nothing reads it.
func (c *Case) removeUnread(id string) bool {
	reads := func(n conformance.Node) bool { return slices.Contains(n.Operands(), id) }
	makes := func(n conformance.Node) bool { return slices.Contains(n.Results(), id) }
	i := slices.IndexFunc(c.Scenario.Topology, makes)
	if i < 0 || slices.ContainsFunc(c.Scenario.Topology, reads) {
		return false
	}
	before := c.Scenario.Topology[i].Operands()
	c.Scenario.Topology = slices.Delete(c.Scenario.Topology, i, i+1)
	for _, id := range before {
		c.removeUnread(id)
	}
	c.dropUnread()
	return true
}

// details makes what is left plainer.
func (s *shrinker) details() {
	s.try(func(c *Case) {
		for i, step := range c.Scenario.Steps {
			if step.Pipe != nil {
				p := *step.Pipe
				p.Headers = nil
				c.Scenario.Steps[i].Pipe = &p
			}
		}
	})
	for i, n := range s.best.Scenario.Topology {
		if len(n.Ins) > 1 {
			s.try(func(c *Case) { c.Scenario.Topology[i].Ins = n.Ins[:len(n.Ins)-1] })
		}
	}
}

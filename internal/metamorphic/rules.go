package metamorphic

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-go/millstream/internal/conformance"
)

// errRule says that a node would make answers depend on what a variation may change, or that the node makes no sense.
var errRule = errors.New("metamorphic: against the rules")

// promise is what every run of a topology gives alike.
type promise int

const (
	exact promise = iota // all records of a key, in their order
	bag                  // all records, in any order
	final                // the last record of each key
)

type kind int

const (
	stream kind = iota
	table
	group
	tableGroup
	windowed
	sessions
	windowTable
	results
	globalTable
)

// input is a topic that a sub-topology reads.
type input struct {
	topic  string
	depth  int  // repartition topics between it and the sources
	steady bool // its times never go back
}

// flow is what the rules know of a node.
type flow struct {
	kind
	promise
	inputs    []input  // of its sub-topology, those that it is made of
	sources   []string // topics that all of it comes from
	steady    bool     // its times never go back
	rekeyed   bool     // a step that needs its keys together goes through a repartition topic
	scattered bool     // its keys may belong to other partitions
	versioned bool
	unkept    bool // a table whose rows are in no store
}

func (f flow) depth() (most int) {
	for _, in := range f.inputs {
		most = max(most, in.depth)
	}
	return most
}

func (f flow) inputsSteady() bool {
	return !slices.ContainsFunc(f.inputs, func(in input) bool { return !in.steady })
}

// rules go through a topology node by node.
type rules struct {
	disorder bool // times of the input go back
	spread   bool // more than one partition
	free     bool // the variation has another number of partitions

	flows    map[string]flow
	promises map[string]promise // of output topics and stores
	mixed    bool               // a task reads several topics
	flush    bool               // there is a punctuation
	global   bool               // there is a global table
}

func newRules(disorder bool, plain, varied int32) *rules {
	return &rules{
		disorder: disorder, spread: plain > 1 || varied > 1, free: plain != varied,
		flows: map[string]flow{}, promises: map[string]promise{},
	}
}

// add enters a node. If it breaks a rule, the error is errRule and the rules know nothing of the node.
func (r *rules) add(n conformance.Node) error {
	f, err := r.flow(n)
	if err != nil {
		return err
	}
	mixed, flush := r.mixed || len(f.inputs) > 1, r.flush || n.Fn == "bufferFlush"
	if mixed && flush {
		return fmt.Errorf("%w: a punctuation by the time of several topics", errRule)
	}
	r.mixed, r.flush = mixed, flush
	r.global = r.global || f.kind == globalTable
	if n.Store != "" {
		r.promises[n.Store] = f.promise
	}
	for _, id := range n.Results() {
		r.flows[id] = f
	}
	if n.Op == "to" {
		r.promises[n.Topic] = f.promise
	}
	return nil
}

func (r *rules) flow(n conformance.Node) (flow, error) {
	rule, ok := ruleOf[n.Op]
	if !ok {
		return flow{}, fmt.Errorf("%w: no rule for %s", errRule, n.Op)
	}
	in, err := r.operands(n)
	if err != nil {
		return flow{}, err
	}
	return rule(r, n, in)
}

// operands are the flows that a node reads: in, with, ins.
func (r *rules) operands(n conformance.Node) (in []flow, err error) {
	for _, id := range n.Operands() {
		f, ok := r.flows[id]
		if !ok {
			return nil, fmt.Errorf("%w: no node %s", errRule, id)
		}
		in = append(in, f)
	}
	return in, nil
}

// through is a flow behind a repartition topic.
func (r *rules) through(f flow, topic string) flow {
	f = r.settled(f)
	f.steady = f.steady && !r.spread // tasks take turns, whatever the times of their records
	f.inputs = []input{{topic: topic, depth: f.depth() + 1, steady: f.steady}}
	f.rekeyed, f.scattered = false, false
	return f
}

// settled is a flow as a topic has it, where records of several tasks meet.
func (r *rules) settled(f flow) flow {
	moves := f.scattered && f.promise == exact
	if moves && (r.spread || r.free && f.depth() > 0) {
		f.promise = bag
	}
	return f
}

// together is the flow of a step that needs the records of a key together.
func (r *rules) together(f flow, topic string) flow {
	if f.rekeyed {
		return r.through(f, topic)
	}
	return f
}

// mix is true if flows that meet do so in the same order in every run. The flow is made of the inputs of all.
func (r *rules) mix(flows ...flow) (met flow, ok bool) {
	met = flow{steady: true}
	even := true
	for _, f := range flows {
		for _, in := range f.inputs {
			if !slices.ContainsFunc(met.inputs, func(o input) bool { return o.topic == in.topic }) {
				met.inputs = append(met.inputs, in)
			}
			even = even && in.depth == met.inputs[0].depth
		}
		met.sources = append(met.sources, f.sources...)
		met.steady = met.steady && f.steady
		met.promise = max(met.promise, f.promise)
		met.rekeyed = met.rekeyed || f.rekeyed
		met.scattered = met.scattered || f.scattered
	}
	if len(met.inputs) == 1 {
		return met, true
	}
	if met.depth() == 0 {
		return met, !r.spread || met.inputsSteady()
	}
	return met, even && met.inputsSteady()
}

package metamorphic

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/conformance"
)

// ruleOf has the rule of each operator: what a node is made of its operands.
var ruleOf map[string]func(r *rules, n conformance.Node, in []flow) (flow, error)

func init() {
	ruleOf = map[string]func(r *rules, n conformance.Node, in []flow) (flow, error){
		"stream": (*rules).source, "table": (*rules).source,
		"globalTable": (*rules).source, "to": (*rules).to,
		"filter": (*rules).rowwise, "filterNot": (*rules).rowwise, "mapValues": (*rules).rowwise,
		"flatMapValues": (*rules).stateless, "split": (*rules).stateless,
		"map": (*rules).rekey, "selectKey": (*rules).rekey, "flatMap": (*rules).rekey,
		"merge": (*rules).merge, "repartition": (*rules).repartition,
		"toTable": (*rules).toTable, "toStream": (*rules).toStream,
		"groupByKey": (*rules).groupByKey, "groupBy": (*rules).groupBy, "windowedBy": (*rules).windowedBy,
		"count": (*rules).fold, "reduce": (*rules).fold, "aggregate": (*rules).fold, "cogroup": (*rules).cogroup,
		"suppress": (*rules).suppress,
		"join":     (*rules).join, "leftJoin": (*rules).join, "outerJoin": (*rules).join,
		"fkJoin": (*rules).joinForeignKey, "fkLeftJoin": (*rules).joinForeignKey,
		"process": (*rules).process, "processValues": (*rules).running,
	}
}

func broken(format string, args ...any) (flow, error) {
	return flow{}, fmt.Errorf("%w: %s", errRule, fmt.Sprintf(format, args...))
}

func (r *rules) source(n conformance.Node, _ []flow) (flow, error) {
	steady := !r.disorder && n.Timestamp == ""
	in := []input{{topic: n.Topic, steady: steady}}
	f := flow{inputs: in, sources: []string{n.Topic}, steady: steady}
	switch n.Op {
	case "table":
		f.kind, f.versioned = table, n.HistoryMs != nil
	case "globalTable":
		f.kind = globalTable
	}
	if r.free && f.versioned {
		return broken("history by time")
	}
	return f, nil
}

func (r *rules) to(_ conformance.Node, in []flow) (flow, error) {
	if in[0].kind != stream {
		return broken("not a stream")
	}
	return r.settled(in[0]), nil
}

// rowwise is an operator of streams and tables.
func (r *rules) rowwise(n conformance.Node, in []flow) (flow, error) {
	if f := in[0]; f.kind == table {
		f.versioned, f.unkept = f.versioned && n.Store == "", f.unkept && n.Store == ""
		return f, nil
	}
	return r.stateless(n, in)
}

// stateless is an operator that looks at one record. Of last rows it would pass those that are not the last.
func (r *rules) stateless(n conformance.Node, in []flow) (flow, error) {
	if in[0].kind != stream || in[0].promise == final || n.Store != "" {
		return broken("not a stream of records")
	}
	return in[0], nil
}

func (r *rules) rekey(n conformance.Node, in []flow) (flow, error) {
	f, err := r.stateless(n, in)
	f.rekeyed, f.scattered = true, true
	return f, err
}

func (r *rules) merge(n conformance.Node, in []flow) (flow, error) {
	for i := range in {
		if _, err := r.stateless(n, in[i:i+1]); err != nil {
			return flow{}, err
		}
	}
	f, ok := r.mix(in...)
	if !ok {
		f.promise = bag
	}
	return f, nil
}

func (r *rules) repartition(n conformance.Node, in []flow) (flow, error) {
	f, err := r.stateless(n, in)
	return r.through(f, n.ID), err
}

func (r *rules) toTable(n conformance.Node, in []flow) (flow, error) {
	f := r.together(in[0], n.ID)
	if f.kind != stream || f.promise != exact {
		return broken("not a stream with an order")
	}
	f.kind = table
	return f, nil
}

func (r *rules) toStream(n conformance.Node, in []flow) (flow, error) {
	f := in[0]
	if f.kind != table && f.kind != windowTable && f.kind != results {
		return broken("not a table")
	}
	f.scattered = f.scattered || f.kind != table
	if n.Fn != "" {
		f.rekeyed, f.scattered = true, true
	}
	if f.rekeyed && f.promise != exact {
		return broken("new keys of last rows")
	}
	f.kind, f.versioned, f.unkept = stream, false, false
	return f, nil
}

func (r *rules) groupByKey(n conformance.Node, in []flow) (flow, error) {
	if in[0].kind != stream || in[0].promise == final {
		return broken("not a stream of records")
	}
	f := r.together(in[0], n.ID)
	f.kind = group
	return f, nil
}

func (r *rules) groupBy(n conformance.Node, in []flow) (flow, error) {
	f := in[0]
	if f.kind != stream && f.kind != table || f.promise == final {
		return broken("no group of that")
	}
	f.scattered = true
	to := map[kind]kind{stream: group, table: tableGroup}[f.kind]
	f = r.through(f, n.ID)
	f.kind, f.versioned, f.unkept = to, false, false
	return f, nil
}

func (r *rules) windowedBy(n conformance.Node, in []flow) (flow, error) {
	f := in[0]
	if f.kind != group || f.promise != exact || r.free {
		return broken("windows of an order that varies")
	}
	f.kind = windowed
	if n.Window.Kind == "session" {
		f.kind = sessions
	}
	return f, nil
}

// fold is count, reduce and aggregate.
func (r *rules) fold(n conformance.Node, in []flow) (flow, error) {
	f := in[0]
	switch f.kind {
	case group, tableGroup:
		f.kind = table
	case windowed:
		f.kind = windowTable
	case sessions:
		f.kind, f.steady = windowTable, false // a session that is merged goes at its own time
	default:
		return broken("not a group")
	}
	if f.promise == bag {
		if n.Op != "count" && n.Fn != "sumLen" {
			return broken("%s of an order that varies", n.Op)
		}
		f.promise = final
	}
	return f, nil
}

func (r *rules) cogroup(n conformance.Node, in []flow) (flow, error) {
	f, ok := r.mix(in...)
	for _, g := range in {
		ok = ok && g.kind == group
	}
	if !ok || f.promise != exact || n.Window != nil && r.free {
		return broken("groups that meet in an order that varies")
	}
	f.kind = table
	if n.Window != nil {
		f.kind, f.steady = windowTable, f.steady && n.Window.Kind != "session"
	}
	return f, nil
}

func (r *rules) suppress(n conformance.Node, in []flow) (flow, error) {
	f := in[0]
	want := map[string]kind{"windowClose": windowTable, "timeLimit": table}[n.Until]
	if f.kind != want || f.promise != exact || r.free || f.versioned {
		return broken("nothing to hold back")
	}
	f.steady, f.unkept = false, true
	if f.kind == windowTable {
		f.kind = results
	}
	return f, nil
}

func (r *rules) process(n conformance.Node, in []flow) (flow, error) {
	f, err := r.running(n, in)
	if err != nil {
		return f, err
	}
	f.rekeyed, f.scattered = true, true
	if n.Fn == "bufferFlush" {
		if r.free || n.Time == "wall" && f.depth() > 0 {
			return broken("a punctuation that depends on commits")
		}
		f.steady = f.steady && n.Time != "wall"
	}
	return f, nil
}

// running is a processor that keeps the key.
func (r *rules) running(_ conformance.Node, in []flow) (flow, error) {
	if in[0].kind != stream || in[0].promise != exact || r.free && in[0].scattered {
		return broken("a processor of an order that varies")
	}
	return in[0], nil
}

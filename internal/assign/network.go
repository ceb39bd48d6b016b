package assign

import "math"

// network is the flow of a deal.
type network struct {
	flow
	deal   *deal
	source int
	parts  []map[int]int   // of each hand, the nodes of sub-topologies that it can run
	anyone map[int][]claim // edges to hands, of tasks of a sub-topology that none of those who claim them gets
	pool   map[int]int     // the nodes where those begin
}

// run gives each hand its tasks.
func (d *deal) run() [][]Task {
	n := &network{deal: d, anyone: map[int][]claim{}, pool: map[int]int{}}
	n.source = n.node()
	sink := n.hands()
	for _, sub := range d.subs() {
		n.pool[sub] = n.node()
		for i := range d.hands {
			if part, ok := n.parts[i][sub]; ok {
				n.anyone[sub] = append(n.anyone[sub], claim{hand: i, edge: n.edge(n.pool[sub], part, len(d.tasks), 0)})
			}
		}
	}
	lots := d.lots()
	for _, l := range lots {
		n.lot(l)
	}
	n.push(n.source, sink)
	return n.result(lots)
}

// hands adds the pipes from the parts of hands to a sink.
func (n *network) hands() (sink int) {
	sink = n.node()
	price := n.deal.prices().part
	for _, s := range n.deal.shares() {
		whole, state, parts := n.node(), n.node(), map[int]int{}
		n.share(whole, sink, s.full, price)
		n.share(state, whole, s.state, price)
		for _, sub := range n.deal.subs() {
			part, able := s.subs[sub]
			if !able {
				continue
			}
			to := whole
			if n.deal.stateful[sub] {
				to = state
			}
			parts[sub] = n.node()
			n.share(parts[sub], to, part, price)
		}
		n.parts = append(n.parts, parts)
	}
	return sink
}

// slip is less than any difference of two shares, and more than what is lost when they are added.
const slip = 1e-7

// share is a pipe that carries the whole part of a share, and one more if there is a rest.
func (n *network) share(from, to int, part float64, price int64) {
	least, most := int(math.Floor(part+slip)), int(math.Ceil(part-slip))
	n.edge(from, to, least, -price)
	n.edge(from, to, most-least, 0)
}

// lot adds tasks, and the ways to those who claim them and to anyone.
func (n *network) lot(l *lot) {
	sub := l.tasks[0].Sub
	at := n.node()
	n.edge(n.source, at, len(l.tasks), 0)
	for i, c := range l.claims {
		l.claims[i].edge = n.edge(at, n.parts[c.hand][sub], len(l.tasks), -c.worth)
	}
	l.free = n.edge(at, n.pool[sub], len(l.tasks), 0)
}

// result reads who gets which tasks.
func (n *network) result(lots []*lot) [][]Task {
	out, rest := make([][]Task, len(n.deal.hands)), map[int][]Task{}
	give := func(tasks []Task, c claim) []Task {
		k := n.carried(c.edge)
		out[c.hand] = append(out[c.hand], tasks[:k]...)
		return tasks[k:]
	}
	for _, l := range lots {
		sub, tasks := l.tasks[0].Sub, l.tasks
		for _, c := range l.claims {
			tasks = give(tasks, c)
		}
		rest[sub] = append(rest[sub], tasks[:n.carried(l.free)]...)
	}
	for sub, tasks := range rest {
		tasks = sorted(tasks)
		for _, c := range n.anyone[sub] {
			tasks = give(tasks, c)
		}
	}
	return out
}

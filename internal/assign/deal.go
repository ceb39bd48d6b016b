package assign

import (
	"fmt"
)

// deal divides tasks among hands: processes, or the members of one.
//
// It is a flow through a network: from tasks by sub-topologies, hands, and what of a hand has state, to the hands. Each
// share is a pipe that must carry its whole part and may carry one more. As the exact shares, which are fractions, keep
// all bounds, so does a way in whole tasks; of these the cheapest is taken, where a task that moves has a price.
type deal struct {
	tasks    []Task // sorted
	stateful map[int]bool
	hands    []hand
}

// hand is who gets tasks.
type hand struct {
	able   map[int]int // members that can run a sub-topology
	owned  map[Task]bool
	stored map[Task]int // ages
}

// add adds a hand, of some members.
func (d *deal) add(members []Member, owners map[Task]string) {
	h := hand{able: map[int]int{}, owned: map[Task]bool{}, stored: map[Task]int{}}
	for _, m := range members {
		for _, t := range m.Owned {
			if owners[t] == m.ID {
				h.owned[t] = true
			}
		}
		for _, c := range m.Stored {
			age := min(max(c.Age, 0), MaxAge)
			if have, ok := h.stored[c.Task]; !ok || age < have {
				h.stored[c.Task] = age
			}
		}
	}
	for _, t := range d.tasks {
		if _, ok := h.able[t.Sub]; ok {
			continue
		}
		h.able[t.Sub] = 0
		for _, m := range members {
			if !m.Unable[t.Sub] {
				h.able[t.Sub]++
			}
		}
	}
	d.hands = append(d.hands, h)
}

// prices of what is wanted, each higher than all that the ones before can come to.
type prices struct{ owned, kept, part int64 }

func (d *deal) prices() prices {
	n := int64(len(d.tasks)) + 1
	p := prices{owned: (MaxAge + 2) * n}
	p.kept = p.owned * n
	p.part = (p.kept + p.owned) * n
	return p
}

// worth is what it is worth that a hand gets a task.
func (d *deal) worth(h hand, t Task, p prices) int64 {
	age, stored := h.stored[t]
	switch {
	case h.able[t.Sub] == 0:
		return 0
	case h.owned[t] && d.stateful[t.Sub]:
		return p.kept
	case h.owned[t]:
		return p.owned
	case stored:
		return int64(MaxAge + 1 - age)
	}
	return 0
}

// lot are tasks of a sub-topology that the same hands claim alike.
type lot struct {
	tasks  []Task
	claims []claim
	free   int // edge of those that nobody who claims them gets
}

type claim struct {
	hand  int
	worth int64
	edge  int
}

// lots are the tasks, grouped, so that the network is small where many tasks are alike.
func (d *deal) lots() []*lot {
	var lots []*lot
	known, p := map[string]*lot{}, d.prices()
	for _, t := range d.tasks {
		var claims []claim
		for i, h := range d.hands {
			if w := d.worth(h, t, p); w > 0 {
				claims = append(claims, claim{hand: i, worth: w})
			}
		}
		key := fmt.Sprint(t.Sub, claims)
		if known[key] == nil {
			known[key] = &lot{claims: claims}
			lots = append(lots, known[key])
		}
		known[key].tasks = append(known[key].tasks, t)
	}
	return lots
}

// shares are the exact parts of a hand: of sub-topologies, of those with state, and of all.
type shares struct {
	subs        map[int]float64
	state, full float64
}

func (d *deal) shares() []shares {
	count, able := map[int]int{}, map[int]int{}
	for _, t := range d.tasks {
		count[t.Sub]++
	}
	for sub := range count {
		for _, h := range d.hands {
			able[sub] += h.able[sub]
		}
	}
	out := make([]shares, len(d.hands))
	for i, h := range d.hands {
		out[i].subs = map[int]float64{}
		for _, sub := range d.subs() {
			if h.able[sub] == 0 {
				continue
			}
			part := float64(count[sub]) * float64(h.able[sub]) / float64(able[sub])
			out[i].subs[sub] = part
			out[i].full += part
			if d.stateful[sub] {
				out[i].state += part
			}
		}
	}
	return out
}

// subs are the sub-topologies, in order.
func (d *deal) subs() (subs []int) {
	for i, t := range d.tasks {
		if i == 0 || t.Sub != d.tasks[i-1].Sub {
			subs = append(subs, t.Sub)
		}
	}
	return subs
}

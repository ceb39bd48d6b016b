package assign

import "math"

// flow is a network of pipes with prices, for the cheapest way to send as much as it takes.
type flow struct {
	edges []edge
	out   [][]int // edges that leave a node; edge i^1 is the way back of edge i
}

type edge struct {
	to    int
	room  int
	price int64
}

func (f *flow) node() int {
	f.out = append(f.out, nil)
	return len(f.out) - 1
}

// edge adds a pipe. Its price is that of each unit; below zero it is a prize.
func (f *flow) edge(from, to, room int, price int64) int {
	i := len(f.edges)
	f.edges = append(f.edges, edge{to, room, price}, edge{from, 0, -price})
	f.out[from], f.out[to] = append(f.out[from], i), append(f.out[to], i+1)
	return i
}

// carried is what runs through a pipe.
func (f *flow) carried(edge int) int { return f.edges[edge^1].room }

// push sends what the network takes, over the cheapest way that is left, again and again. Networks without a circle of
// prizes have none after that either, so each way is found.
func (f *flow) push(source, sink int) {
	for {
		via := f.cheapest(source, sink)
		if via == nil {
			return
		}
		units := math.MaxInt
		for at := sink; at != source; at = f.edges[via[at]^1].to {
			units = min(units, f.edges[via[at]].room)
		}
		for at := sink; at != source; at = f.edges[via[at]^1].to {
			f.edges[via[at]].room -= units
			f.edges[via[at]^1].room += units
		}
	}
}

// cheapest is the edge over which the cheapest way comes to each node, nil if none leads to the sink.
func (f *flow) cheapest(source, sink int) []int {
	price, via := make([]int64, len(f.out)), make([]int, len(f.out))
	waiting, queue := make([]bool, len(f.out)), []int{source}
	for i := range price {
		price[i] = math.MaxInt64
	}
	for price[source] = 0; len(queue) > 0; {
		at := queue[0]
		queue, waiting[at] = queue[1:], false
		for _, i := range f.out[at] {
			e := f.edges[i]
			if e.room == 0 || price[at]+e.price >= price[e.to] {
				continue
			}
			price[e.to], via[e.to] = price[at]+e.price, i
			if !waiting[e.to] {
				queue, waiting[e.to] = append(queue, e.to), true
			}
		}
	}
	if price[sink] == math.MaxInt64 {
		return nil
	}
	return via
}

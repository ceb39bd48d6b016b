package task

import "github.com/millstream-go/millstream/internal/graph"

// queue is a first-in first-out ring of records. The zero value is empty.
type queue struct {
	ring  []graph.Raw
	first int
	count int
	bytes int64
}

// size is an amount of records.
type size struct {
	records int
	bytes   int64
}

// weight is the memory that a record takes while it waits, about.
func weight(r *graph.Raw) int64 {
	n := 128 + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += 64 + len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return int64(n)
}

func (q *queue) push(r graph.Raw) {
	if q.count == len(q.ring) {
		q.grow()
	}
	q.ring[(q.first+q.count)&(len(q.ring)-1)] = r
	q.count++
	q.bytes += weight(&r)
}

func (q *queue) grow() {
	ring := make([]graph.Raw, max(16, 2*len(q.ring)))
	for i := range q.count {
		ring[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
	}
	q.ring, q.first = ring, 0
}

// head is the oldest record; the queue must not be empty.
func (q *queue) head() *graph.Raw { return q.at(0) }

// at is the i-th record, from the oldest one on.
func (q *queue) at(i int) *graph.Raw { return &q.ring[(q.first+i)&(len(q.ring)-1)] }

// pop drops the head.
func (q *queue) pop() {
	q.bytes -= weight(&q.ring[q.first])
	q.ring[q.first] = graph.Raw{}
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.count--
}

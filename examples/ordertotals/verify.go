package main

import (
	"context"
	"fmt"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// verify compares what the application wrote with totals computed from the input topic, in another way and without its
// operators.
func verify(ctx context.Context, b *broker.Broker) error {
	orders, err := broker.ReadPartitions(ctx, b, Orders)
	if err != nil {
		return err
	}
	minutes, err := broker.Read(ctx, b, PerMinute)
	if err != nil {
		return err
	}
	products, err := broker.Read(ctx, b, PerProduct)
	if err != nil {
		return err
	}
	want := compute(orders)
	differences := append(want.compareMinutes(minutes), want.compareProducts(products)...)
	if err := demo.Differences(differences); err != nil {
		return err
	}
	fmt.Printf("verified: %d totals of customers and minutes, each once, and the totals of %d products equal those "+
		"computed from %d orders (%d not paid, %d late)\n",
		len(want.minutes), len(want.products), want.orders, want.unpaid, want.late)
	return nil
}

// expected is what the topics must hold.
type expected struct {
	minutes              map[string]Total // by key
	products             map[string]ProductTotal
	orders, unpaid, late int
}

// compute goes through each partition in the order of offsets, as lateness depends on it.
func compute(partitions [][]orderRecord) *expected {
	want := &expected{minutes: map[string]Total{}, products: map[string]ProductTotal{}}
	for _, records := range partitions {
		want.addPartition(records)
	}
	return want
}

const minuteMs = 60_000

func (e *expected) addPartition(records []orderRecord) {
	p := newPartitionTotals()
	for _, r := range records {
		o := r.Value
		e.orders++
		if o.Cents == 0 {
			e.unpaid++
			continue
		}
		sum := e.products[o.Product]
		e.products[o.Product] = ProductTotal{Product: o.Product, Orders: sum.Orders + 1, Cents: sum.Cents + o.Cents}
		if !p.add(r) {
			e.late++
		}
	}
	for customer, minutes := range p.totals {
		for minute, t := range minutes {
			if p.closed(minute) {
				e.minutes[minuteKey(Total{Customer: customer, Minute: minute})] = t
			}
		}
	}
}

// partitionTotals are those of the customers of a partition, behind some of its orders.
type partitionTotals struct {
	newest int64                      // stream time; -1: no order yet
	totals map[string]map[int64]Total // by customer and minute, those of minutes that are over too
}

func newPartitionTotals() *partitionTotals {
	return &partitionTotals{newest: -1, totals: map[string]map[int64]Total{}}
}

// add takes a paid order in, and is false if it is late.
func (p *partitionTotals) add(r orderRecord) bool {
	at := r.Timestamp
	p.newest = max(p.newest, at)
	minute := at - at%minuteMs
	if p.closed(minute) {
		return false
	}
	if p.totals[r.Key] == nil {
		p.totals[r.Key] = map[int64]Total{}
	}
	t := p.totals[r.Key][minute]
	p.totals[r.Key][minute] = Total{Customer: r.Key, Minute: minute, Orders: t.Orders + 1, Cents: t.Cents + r.Value.Cents}
	return true
}

// closed is whether the minute that starts at a time takes no more orders.
func (p *partitionTotals) closed(minute int64) bool {
	return minute+minuteMs+grace.Milliseconds() <= p.newest
}

// compareMinutes wants each total once.
func (e *expected) compareMinutes(totals []streams.Record[string, Total]) (differences []string) {
	seen := map[string]bool{}
	for _, r := range totals {
		want, known := e.minutes[r.Key]
		switch {
		case !known:
			differences = append(differences, fmt.Sprintf("%s: unexpected total %+v", r.Key, r.Value))
		case seen[r.Key]:
			differences = append(differences, fmt.Sprintf("%s: written again: %+v", r.Key, r.Value))
		case r.Value != want:
			differences = append(differences, fmt.Sprintf("%s: want %+v, got %+v", r.Key, want, r.Value))
		}
		seen[r.Key] = true
	}
	for key, want := range e.minutes {
		if !seen[key] {
			differences = append(differences, fmt.Sprintf("%s: missing: want %+v", key, want))
		}
	}
	return differences
}

// compareProducts wants one update for each order, and the right sum in the last one.
func (e *expected) compareProducts(totals []streams.Record[string, ProductTotal]) (differences []string) {
	last := map[string]ProductTotal{}
	for _, r := range totals {
		got := r.Value
		if got.Product != r.Key {
			differences = append(differences, fmt.Sprintf("%s: unexpected product total %+v", r.Key, got))
			continue
		}
		if before := last[got.Product]; got.Orders != before.Orders+1 {
			differences = append(differences,
				fmt.Sprintf("%s: update to %d orders after %d", got.Product, got.Orders, before.Orders))
		}
		last[got.Product] = got
	}
	for name, want := range e.products {
		if last[name] != want {
			differences = append(differences, fmt.Sprintf("%s: want %+v, got %+v", name, want, last[name]))
		}
	}
	return differences
}

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/examples/internal/demo"
)

// verify compares what the application wrote with totals computed from the input topic, in another way and without the
// library.
func verify(ctx context.Context, c *cluster) error {
	orders, err := c.ReadAll(ctx, Orders.Name())
	if err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	want, err := compute(orders)
	if err != nil {
		return err
	}
	minutes, err := c.ReadAll(ctx, PerMinute.Name())
	if err != nil {
		return fmt.Errorf("read totals: %w", err)
	}
	products, err := c.ReadAll(ctx, PerProduct.Name())
	if err != nil {
		return fmt.Errorf("read product totals: %w", err)
	}
	differences := append(want.compareMinutes(minutes), want.compareProducts(products)...)
	if err := demo.Differences(differences); err != nil {
		return err
	}
	fmt.Printf("verified: %d totals per minute, each once, and %d product totals equal those computed from %d orders "+
		"(%d not paid, %d late)\n",
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
func compute(partitions map[int32][]*kgo.Record) (*expected, error) {
	want := &expected{minutes: map[string]Total{}, products: map[string]ProductTotal{}}
	for _, records := range partitions {
		if err := want.addPartition(records); err != nil {
			return nil, err
		}
	}
	return want, nil
}

const minuteMs = 60_000

func (e *expected) addPartition(records []*kgo.Record) error {
	open := map[string]Total{}
	newest := int64(-1)
	closes := func(minute int64) int64 { return minute + minuteMs + grace.Milliseconds() }
	for _, r := range records {
		var o Order
		if err := json.Unmarshal(r.Value, &o); err != nil {
			return fmt.Errorf("order at %s/%d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		e.orders++
		if o.Cents == 0 {
			e.unpaid++
			continue
		}
		p := e.products[o.Product]
		e.products[o.Product] = ProductTotal{Product: o.Product, Orders: p.Orders + 1, Cents: p.Cents + o.Cents}
		at := r.Timestamp.UnixMilli()
		newest = max(newest, at)
		minute := at - at%minuteMs
		if closes(minute) <= newest {
			e.late++
			continue
		}
		t := Total{Customer: string(r.Key), Minute: minute}
		key := minuteKey(t)
		t.Orders, t.Cents = open[key].Orders+1, open[key].Cents+o.Cents
		open[key] = t
	}
	for key, t := range open {
		if closes(t.Minute) <= newest {
			e.minutes[key] = t
		}
	}
	return nil
}

// compareMinutes wants each total once.
func (e *expected) compareMinutes(partitions map[int32][]*kgo.Record) (differences []string) {
	seen := map[string]bool{}
	for _, records := range partitions {
		for _, r := range records {
			key := string(r.Key)
			var got Total
			err := json.Unmarshal(r.Value, &got)
			want, known := e.minutes[key]
			switch {
			case err != nil || !known:
				differences = append(differences, fmt.Sprintf("%s: unexpected total %s", key, r.Value))
			case seen[key]:
				differences = append(differences, fmt.Sprintf("%s: written again: %s", key, r.Value))
			case got != want:
				differences = append(differences, fmt.Sprintf("%s: want %+v, got %s", key, want, r.Value))
			}
			seen[key] = true
		}
	}
	for key, want := range e.minutes {
		if !seen[key] {
			differences = append(differences, fmt.Sprintf("%s: missing: want %+v", key, want))
		}
	}
	return differences
}

// compareProducts wants one update for each order, and the right sum in the last one.
func (e *expected) compareProducts(partitions map[int32][]*kgo.Record) (differences []string) {
	last := map[string]ProductTotal{}
	for _, records := range partitions {
		for _, r := range records {
			var got ProductTotal
			if err := json.Unmarshal(r.Value, &got); err != nil || got.Product != string(r.Key) {
				differences = append(differences, fmt.Sprintf("%s: unexpected product total %s", r.Key, r.Value))
				continue
			}
			if before := last[got.Product]; got.Orders != before.Orders+1 {
				differences = append(differences,
					fmt.Sprintf("%s: update to %d orders after %d", got.Product, got.Orders, before.Orders))
			}
			last[got.Product] = got
		}
	}
	for name, want := range e.products {
		if last[name] != want {
			differences = append(differences, fmt.Sprintf("%s: want %+v, got %+v", name, want, last[name]))
		}
	}
	return differences
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// produce sends orders of many customers: mostly in the order of their time, some a little out of order, a few too late
// for their minute, and some that are not paid.
func produce(ctx context.Context, o options, c *cluster) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	clock := newOrderClock(o)
	random := newRandom(o.seed)
	for i := range o.orders {
		at, err := clock.at(ctx, i)
		if err != nil {
			return err
		}
		r, err := orderRecord(random, o, i, at)
		if err != nil {
			return err
		}
		client.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("produce: %w", *err)
	}
	fmt.Printf("produced %d orders of %d customers, seed %d\n", o.orders, o.customers, o.seed)
	return nil
}

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// orderClock gives the time of each order.
type orderClock struct {
	start time.Time
	step  time.Duration
	live  bool // orders come as their time does
}

const simulated = 5 * time.Minute

func newOrderClock(o options) orderClock {
	if o.rate > 0 {
		return orderClock{start: time.Now(), step: time.Second / time.Duration(o.rate), live: true}
	}
	return orderClock{start: time.Now().Add(-simulated), step: simulated / time.Duration(max(1, o.orders))}
}

// at is the time of the i-th order; of a live clock, it waits for that time.
func (c orderClock) at(ctx context.Context, i int) (time.Time, error) {
	at := c.start.Add(time.Duration(i) * c.step)
	if !c.live || time.Until(at) < time.Millisecond {
		return at, nil
	}
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return at, ctx.Err()
	case <-timer.C:
		return at, nil
	}
}

func orderRecord(random *rand.Rand, o options, i int, at time.Time) (*kgo.Record, error) {
	order := Order{
		ID: fmt.Sprintf("o-%d", i), Customer: fmt.Sprintf("c-%d", random.IntN(o.customers)),
		Product: fmt.Sprintf("p-%d", random.IntN(20)), Cents: 1 + random.Int64N(10_000),
	}
	switch p := random.IntN(1000); {
	case p < 20:
		order.Cents = 0
	case p < 120: // out of order, within the grace period
		at = at.Add(-time.Duration(random.Int64N(int64(grace))))
	case p < 130: // too late
		at = at.Add(-2*time.Minute - time.Duration(random.Int64N(int64(time.Minute))))
	}
	value, err := Orders.Value().Append(nil, order)
	return &kgo.Record{Topic: Orders.Name(), Key: []byte(order.Customer), Value: value, Timestamp: at}, err
}

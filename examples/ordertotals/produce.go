package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

type orderRecord = streams.Record[string, Order]

// mostAtOnce is how many orders wait for the brokers together.
const mostAtOnce = 5_000

// produce sends orders of many customers: mostly in the order of their time, some a little out of order, a few too late
// for their minute, and some that are not paid. It tells sent how many there are, if that is not nil.
func produce(ctx context.Context, b *broker.Broker, o options, clock orderClock, sent func(int)) error {
	random := rand.New(rand.NewPCG(o.seed, 0))
	for next := 0; next < o.orders; {
		if err := clock.wait(ctx, next); err != nil {
			return err
		}
		var orders []orderRecord
		for next < o.orders && len(orders) < mostAtOnce && clock.due(next) {
			orders = append(orders, newOrder(random, o, next, clock.at(next)))
			next++
		}
		if err := broker.Produce(ctx, b, Orders, orders...); err != nil {
			return err
		}
		if sent != nil {
			sent(next)
		}
	}
	if o.mode == "produce" {
		fmt.Printf("produced %d orders of %d customers, seed %d\n", o.orders, o.customers, o.seed)
	}
	return nil
}

// orderClock gives each order its time, and when it is sent.
type orderClock struct {
	start, sendStart time.Time
	step, sendStep   time.Duration // between orders
}

// simulated is the event time between the first order and the last, unless -rate says otherwise.
const simulated = 5 * time.Minute

// newOrderClock is for orders that come as their time does, with -rate, or else faster, or at once.
func newOrderClock(o options) orderClock {
	now := time.Now()
	if o.rate > 0 {
		step := time.Second / time.Duration(o.rate)
		return orderClock{start: now, sendStart: now, step: step, sendStep: step}
	}
	clock := orderClock{start: now.Add(-simulated), sendStart: now, step: simulated / time.Duration(max(1, o.orders))}
	if o.mode == "all" {
		clock.sendStep = o.during / time.Duration(max(1, o.orders))
	}
	return clock
}

func (c orderClock) at(i int) time.Time { return c.start.Add(time.Duration(i) * c.step) }

func (c orderClock) sendAt(i int) time.Time { return c.sendStart.Add(time.Duration(i) * c.sendStep) }

func (c orderClock) due(i int) bool { return time.Until(c.sendAt(i)) <= 0 }

// wait waits until an order is due, and a little longer, so that others are, too.
func (c orderClock) wait(ctx context.Context, i int) error {
	if c.due(i) {
		return ctx.Err()
	}
	timer := time.NewTimer(max(time.Until(c.sendAt(i)), 5*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func newOrder(random *rand.Rand, o options, i int, at time.Time) orderRecord {
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
	return orderRecord{Key: order.Customer, Value: order, Timestamp: at.UnixMilli()}
}

package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit/broker"
)

// open connects to the cluster of the command line, or starts one within the process, and creates the topics that are
// missing.
func open(ctx context.Context, o options, opts ...broker.Option) (*broker.Broker, error) {
	b, err := demo.Open(o.brokers, opts...)
	if err != nil {
		return nil, err
	}
	if err := b.CreateTopics(ctx, int32(o.partitions), Orders, PerMinute, PerProduct); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// serve is a broker for other processes, at the address of -brokers, until it is interrupted.
func serve(ctx context.Context, o options) error {
	_, port, err := net.SplitHostPort(o.brokers)
	if err != nil {
		return fmt.Errorf("-mode broker: -brokers is the address to listen at, such as localhost:9092: %w", err)
	}
	at, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("-mode broker: port %s: %w", port, err)
	}
	b, err := broker.Start(broker.Ports(at))
	if err != nil {
		return err
	}
	defer b.Close()
	fmt.Printf("a broker listens at %s; its topics are gone when it ends\n", b.Addrs()[0])
	<-ctx.Done()
	return nil
}

// waitCaughtUp returns when the application has had nothing left to process for a while.
func waitCaughtUp(ctx context.Context, b *broker.Broker, while time.Duration) error {
	topo, err := build()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(min(while/3+time.Millisecond, 100*time.Millisecond))
	defer ticker.Stop()
	for since := time.Now(); ; {
		processed, err := b.Processed(ctx, topo)
		if err != nil || !processed { // a broker that does not answer for now may do so later
			since = time.Now()
		}
		if time.Since(since) >= while {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

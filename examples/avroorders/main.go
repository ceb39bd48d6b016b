// Command avroorders changes the schema of a topic and of a store while the application runs on them: producers and the
// application are upgraded one after the other, and each reads what the others wrote.
//
//	go run ./examples/avroorders
//	go run ./examples/avroorders -brokers localhost:9092 -registry http://localhost:8081
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

type options struct {
	brokers, registry string
	partitions        int
	verbose           bool
}

func main() {
	demo.Command("avroorders", func(args []string) (func(context.Context) error, error) {
		var o options
		f := flag.NewFlagSet("avroorders", flag.ContinueOnError)
		demo.ClusterFlags(f, &o.brokers, &o.partitions, &o.verbose)
		f.StringVar(&o.registry, "registry", "", "address of a schema registry; none: one within the process")
		err := f.Parse(args)
		return func(ctx context.Context) error { return run(ctx, o) }, err
	})
}

// job is the example while it runs.
type job struct {
	broker *broker.Broker
	log    *slog.Logger
	dir    string
}

func run(ctx context.Context, o options) (err error) {
	url, stop := demo.Registry(o.registry)
	defer stop()
	schemas := registry.New(registry.Config{URLs: []string{url}})
	b, err := demo.Open(o.brokers)
	if err != nil {
		return err
	}
	defer b.Close()
	dir, remove, err := demo.StateDir("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	one, two := first(schemas), second(schemas)
	if err := b.CreateTopics(ctx, int32(o.partitions), two.Orders, two.Totals); err != nil {
		return err
	}
	j := job{broker: b, log: demo.Logger(o.verbose), dir: dir}
	if err := j.firstRuns(ctx, one, two); err != nil {
		return err
	}
	if err := j.secondRuns(ctx, one, two); err != nil {
		return err
	}
	return j.verify(ctx, two)
}

// firstRuns: the first version of the application goes on when a producer of the second comes.
func (j job) firstRuns(ctx context.Context, one version[firstOrder, firstTotal], two version[Order, Total]) error {
	topo, err := one.build(addFirst)
	if err != nil {
		return err
	}
	return j.run(ctx, topo, func(ctx context.Context) error {
		fmt.Println("the first version of the application runs, and orders of the first version come")
		err := send(ctx, j.broker, one.Orders, order("ann", firstOrder{"1", 1000}), order("bob", firstOrder{"2", 250}))
		if err != nil {
			return err
		}
		fmt.Println("a producer of the second version: its orders have a currency, which the application does not know")
		err = send(ctx, j.broker, two.Orders, order("ann", Order{"3", 500, "EUR"}))
		return errors.Join(err, j.broker.WaitProcessed(ctx, topo))
	})
}

// secondRuns: the second version goes on with the state of the first.
func (j job) secondRuns(ctx context.Context, one version[firstOrder, firstTotal], two version[Order, Total]) error {
	topo, err := two.build(addSecond)
	if err != nil {
		return err
	}
	return j.run(ctx, topo, func(ctx context.Context) error {
		fmt.Println("the second version of the application runs, on the state of the first; orders of both versions come")
		err := errors.Join(
			send(ctx, j.broker, one.Orders, order("bob", firstOrder{"4", 50})),
			send(ctx, j.broker, two.Orders, order("ann", Order{"5", 9900, "JPY"}), order("eve", Order{"6", 1, "EUR"})),
		)
		return errors.Join(err, j.broker.WaitProcessed(ctx, topo))
	})
}

func (j job) run(ctx context.Context, topo *streams.Topology, work func(context.Context) error) error {
	app, err := streams.New(topo, streams.Config{Brokers: j.broker.Addrs(), StateDir: j.dir, Logger: j.log})
	if err != nil {
		return err
	}
	return demo.RunUntil(ctx, app, work)
}

func order[O any](customer string, o O) streams.Record[string, O] {
	return streams.Record[string, O]{Key: customer, Value: o, Timestamp: demo.At(0)}
}

func send[O any](
	ctx context.Context, b *broker.Broker, topic streams.Topic[string, O], records ...streams.Record[string, O],
) error {
	for _, r := range records {
		fmt.Printf("  %s orders %+v\n", r.Key, r.Value)
	}
	return broker.Produce(ctx, b, topic, records...)
}

// verify compares the last total of each customer.
func (j job) verify(ctx context.Context, two version[Order, Total]) error {
	records, err := broker.Read(ctx, j.broker, two.Totals)
	if err != nil {
		return err
	}
	got := map[string]Total{}
	for _, r := range records {
		got[r.Key] = r.Value
	}
	var wrong []string
	want := map[string]Total{"ann": {3, 1500, 1}, "bob": {2, 300, 0}, "eve": {1, 1, 0}}
	fmt.Println("\ntopic totals:")
	for _, customer := range []string{"ann", "bob", "eve"} {
		fmt.Printf("  %s %+v\n", customer, got[customer])
		if got[customer] != want[customer] {
			wrong = append(wrong, fmt.Sprintf("%s: %+v, not %+v", customer, got[customer], want[customer]))
		}
	}
	if err := demo.Differences(slices.Clip(wrong)); err != nil {
		return err
	}
	fmt.Println("verified: the results are those that the input must give")
	return nil
}

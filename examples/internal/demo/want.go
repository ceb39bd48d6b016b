package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// Want is what a topic must hold in the end.
type Want struct {
	topic string
	check func(context.Context, *broker.Broker) (results, differences []string, err error)
}

// Latest wants the newest value of each key, and no other keys. A null value deletes its key. How many updates led
// there does not matter.
func Latest[K comparable, V any](topic streams.Topic[K, V], want map[K]V) Want {
	return wanting(topic, func(records []streams.Record[K, V]) (results, differences []string) {
		got := map[K]V{}
		for _, r := range records {
			if r.NullValue {
				delete(got, r.Key)
			} else {
				got[r.Key] = r.Value
			}
		}
		return lines(got), compare(got, want)
	})
}

// Each wants every value of each key, in order, and no other keys.
func Each[K comparable, V any](topic streams.Topic[K, V], want map[K][]V) Want {
	return wanting(topic, func(records []streams.Record[K, V]) (results, differences []string) {
		slices.SortStableFunc(records, func(a, b streams.Record[K, V]) int {
			return cmp.Compare(fmt.Sprint(a.Key), fmt.Sprint(b.Key))
		})
		got := map[K][]V{}
		for _, r := range records {
			if r.NullValue {
				differences = append(differences, fmt.Sprintf("%v: unexpected null value", r.Key))
				continue
			}
			results = append(results, line(r.Key, r.Value))
			got[r.Key] = append(got[r.Key], r.Value)
		}
		return results, append(differences, compare(got, want)...)
	})
}

// Written wants rows in what a sink of the topic writes: the sink runs until it has written all that is there.
func Written[K comparable, V any](
	topic streams.Topic[K, V], sink connect.Sink[K, V], rows func() map[K]V, want map[K]V,
) Want {
	return Want{topic: topic.Name(), check: func(ctx context.Context, b *broker.Broker) (_, _ []string, err error) {
		records, err := broker.Read(ctx, b, topic)
		if err != nil {
			return nil, nil, err
		}
		if err := writeAll(ctx, b, topic, sink, int64(len(records))); err != nil {
			return nil, nil, err
		}
		got := rows()
		return lines(got), compare(got, want), nil
	}}
}

// writeAll runs a sink until it has written so many records.
func writeAll[K, V any](
	ctx context.Context, b *broker.Broker, topic streams.Topic[K, V], sink connect.Sink[K, V], records int64,
) error {
	runner, err := connect.New(topic, sink, connect.Config{
		Brokers: b.Addrs(), Group: topic.Name() + "-sink", Logger: Logger(false),
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	// Started here, ends the runner, and ends with it.
	go func() {
		defer stop()
		for running.Err() == nil && runner.Status().Written < records {
			time.Sleep(10 * time.Millisecond)
		}
	}()
	if err := runner.Run(running); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func wanting[K, V any](
	topic streams.Topic[K, V], check func([]streams.Record[K, V]) (results, differences []string),
) Want {
	return Want{topic: topic.Name(), check: func(ctx context.Context, b *broker.Broker) (_, _ []string, err error) {
		records, err := broker.Read(ctx, b, topic)
		if err != nil {
			return nil, nil, err
		}
		results, differences := check(records)
		return results, differences, nil
	}}
}

func line(key, value any) string { return fmt.Sprintf("%-12v %+v", key, value) }

func lines[K comparable, V any](rows map[K]V) (out []string) {
	for key, value := range rows {
		out = append(out, line(key, value))
	}
	slices.Sort(out)
	return out
}

func compare[K comparable, V any](got, want map[K]V) (differences []string) {
	all := maps.Clone(got)
	maps.Copy(all, want)
	for key := range all {
		g, found := got[key]
		w, wanted := want[key]
		switch {
		case !wanted:
			differences = append(differences, fmt.Sprintf("%v: unexpected: %+v", key, g))
		case !found:
			differences = append(differences, fmt.Sprintf("%v: missing: want %+v", key, w))
		case !reflect.DeepEqual(g, w):
			differences = append(differences, fmt.Sprintf("%v: want %+v, got %+v", key, w, g))
		}
	}
	slices.Sort(differences)
	return differences
}

const (
	shownResults     = 12
	shownDifferences = 20
)

// Differences prints the first of them, and is an error if there are any.
func Differences(differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	show(differences, shownDifferences)
	return fmt.Errorf("%d differences from the results computed from the input", len(differences))
}

func show(lines []string, most int) {
	for _, l := range lines[:min(len(lines), most)] {
		fmt.Println("  " + l)
	}
	if more := len(lines) - most; more > 0 {
		fmt.Printf("  ... and %d more\n", more)
	}
}

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

type record = streams.Record[[]byte, []byte]

var (
	in      = streams.NewTopic("in", serde.Bytes, serde.Bytes)
	tbl     = streams.NewTopic("tbl", serde.Bytes, serde.Bytes)
	out     = streams.NewTopic("out", serde.Bytes, serde.Bytes)
	longs   = streams.NewTopic("out", serde.Bytes, serde.Int64)
	minutes = window.Tumbling(time.Minute).Grace(time.Minute)
	sums    = streams.NewTopic("out", window.TimeKey(serde.Bytes, minutes), serde.Int64)
	rekeyed = streams.NewRepartition("rekeyed", serde.Bytes, serde.Bytes)
	counts  = state.NewKeyValue("counts", serde.Bytes, serde.Int64)
	windows = state.NewWindow("sums", serde.Bytes, serde.Int64).Retain(10 * time.Minute)
	rows    = state.NewKeyValue("tbl", serde.Bytes, serde.Bytes)
)

func amount(v []byte) int64 { return int64(binary.BigEndian.Uint64(v)) }

// mix is SplitMix64, of which the data set is made.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

const rekeyedKeys = 100_000

func build(workload, app string, m *meter) (*topology.Topology, error) {
	b := streams.NewBuilder(app)
	source := streams.From(b, in).Peek(func(record) { m.mark() })
	switch workload {
	case "pass":
		source.To(out)
	case "filter":
		even := source.Filter(func(v []byte) bool { return amount(v)&1 == 0 })
		streams.MapValues(even, doubled).To(out)
	case "count":
		source.GroupByKey().Count(counts).ToStream().To(longs)
	case "tumble":
		sum := streams.WindowedAggregate(source.GroupByKey().WindowedBy(minutes), windows,
			func() int64 { return 0 }, func(_, v []byte, sum int64) int64 { return sum + amount(v) })
		streams.WindowedResults(sum.Updates()).To(sums)
	case "rekey":
		byOther := streams.SelectKeyRecord(source, func(r record) (streams.Optional[[]byte], error) {
			k := mix(binary.BigEndian.Uint64(r.Key)) % rekeyedKeys
			return streams.Some(binary.BigEndian.AppendUint64(nil, k)), nil
		})
		m.repartition = true
		behind := byOther.Repartition(rekeyed).Peek(func(record) { m.markBehind() })
		behind.GroupByKey().Count(counts).ToStream().To(longs)
	case "join":
		t := streams.TableFrom(b, tbl, rows)
		streams.Join(source, t, joined).To(out)
	default:
		return nil, fmt.Errorf("-workload %s: use raw, pass, filter, count, tumble, rekey or join", workload)
	}
	return b.Build()
}

func doubled(v []byte) []byte {
	x := append([]byte(nil), v...)
	binary.BigEndian.PutUint64(x, uint64(2*amount(v)))
	return x
}

func joined(v, row []byte) []byte {
	x := append([]byte(nil), v...)
	copy(x[24:32], row)
	return x
}

// runApp runs a workload through the library.
func runApp(o options, m *meter) error {
	ctx := context.Background()
	app := "bench-" + o.workload + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	topo, err := build(o.workload, app, m)
	if err != nil {
		return err
	}
	admin, from, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	defer admin.Close()
	dir, err := os.MkdirTemp("", app)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	config := streams.Config{
		Brokers: []string{o.bootstrap}, StateDir: dir, CommitInterval: o.commit, MemoryBytes: o.cacheMB << 20,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	if o.guarantee == "alos" {
		config.Guarantee = streams.AtLeastOnce
	} else if config.TransactionTimeout = 10 * time.Second; o.commit > config.TransactionTimeout/2 {
		config.TransactionTimeout = 3 * o.commit
	}
	a, err := streams.New(topo, config)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	// Owns the application; ends when all records are through.
	go func() { ended <- a.Run(run) }()
	select {
	case <-m.done:
	case err := <-ended:
		stop()
		return errors.Join(err, errors.New("the application ended before the last record"))
	}
	stop()
	if err := errors.Join(<-ended, m.stop()); err != nil {
		return err
	}
	return errors.Join(check(ctx, o, from), cleanUp(ctx, admin, app))
}

// prepare makes the output topic and tells where it ends.
func prepare(ctx context.Context, o options) (*kadm.Client, kadm.ListedOffsets, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(o.bootstrap))
	if err != nil {
		return nil, nil, err
	}
	admin := kadm.NewClient(client)
	keep := "-1"
	_, err = admin.CreateTopic(ctx, 4, -1, map[string]*string{"retention.ms": &keep}, out.Name())
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return nil, nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, out.Name())
	return admin, ends, err
}

func cleanUp(ctx context.Context, admin *kadm.Client, app string) error {
	topics, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	for name := range topics {
		if len(name) > len(app) && name[:len(app)] == app {
			if _, err := admin.DeleteTopic(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

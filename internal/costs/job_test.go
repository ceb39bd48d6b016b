package main

import (
	"encoding/binary"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// event is a value of 100 bytes that decodes without an allocation.
type event struct {
	Ref    int64
	Amount int64
	rest   [84]byte
}

var events = serde.New("event",
	func(dst []byte, e event) ([]byte, error) {
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.Ref))
		return append(binary.BigEndian.AppendUint64(dst, uint64(e.Amount)), e.rest[:]...), nil
	},
	func(src []byte) (e event, err error) {
		if len(src) != 100 {
			return e, io.ErrUnexpectedEOF
		}
		e.Ref, e.Amount = int64(binary.BigEndian.Uint64(src)), int64(binary.BigEndian.Uint64(src[8:]))
		copy(e.rest[:], src[16:])
		return e, nil
	})

const (
	keys        = 10_000
	commitEvery = 1_000
	warmUp      = 60 // commits: by then every state has its full size
)

// input is one record for a job.
type input struct {
	topic string
	key   int64
	value event
	at    int64 // milliseconds
}

// operation is an operator with the input that it is measured on: record i of feed.
type operation struct {
	name  string
	build func(b *streams.Builder)
	feed  func(i int64) input
}

func run(b *testing.B, operations []operation) {
	for _, o := range operations {
		b.Run(o.name, func(b *testing.B) {
			j := newJob(b, o)
			for range warmUp {
				j.commitInterval()
			}
			j.measure(b)
		})
	}
}

// job is a topology with one task for each sub-topology. What tasks send to internal topics comes back to them at once.
type job struct {
	tb      testing.TB
	feed    func(i int64) input
	set     *task.Set
	readers *task.Readers
	inputs  map[string]*task.Input
	global  map[string]bool
	fed     int64
	sent    map[string]int64 // offsets of topics
	queued  map[string][]graph.Raw
	arena   []byte
}

func newJob(tb testing.TB, o operation) *job {
	builder := streams.NewBuilder("costs")
	o.build(builder)
	built, err := builder.Build()
	require.NoError(tb, err)
	topo := (*graph.Topology)(built)
	external, _ := topo.ExternalTopics()
	counts := map[string]int32{}
	for _, topic := range external {
		counts[topic] = 1
	}
	partitions, err := topo.Partitions(counts)
	require.NoError(tb, err)
	j := &job{
		tb: tb, feed: o.feed, inputs: map[string]*task.Input{}, global: map[string]bool{},
		sent: map[string]int64{}, queued: map[string][]graph.Raw{}, readers: &task.Readers{},
	}
	j.set = task.NewSet(topo, task.Config{
		Partitions: partitions.Topics, Buffer: math.MaxInt, MaxIdle: -1, Budget: storage.NewBudget(96 << 20),
		Drops: &task.Drops{}, Readers: j.readers, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, 0)
	j.open(topo, len(partitions.Tasks))
	return j
}

func (j *job) open(topo *graph.Topology, tasks int) {
	budget := store.NewBudget(64<<20, tasks+1)
	j.tb.Cleanup(budget.Close)
	dir := j.tb.TempDir()
	engine := func(name string) store.Engine {
		e, err := store.OpenPebble(filepath.Join(dir, name), store.Options{Budget: budget})
		require.NoError(j.tb, err)
		return e
	}
	if topo.Global() != nil {
		_, err := j.set.OpenGlobal(engine("global"))
		require.NoError(j.tb, err)
		j.tb.Cleanup(func() { require.NoError(j.tb, j.set.CloseGlobal()) })
	}
	for _, topic := range topo.GlobalTopics() {
		j.global[topic] = true
	}
	for sub := range tasks {
		id := streams.TaskID{Sub: sub}
		t, err := j.set.Open(id, engine(id.String()))
		require.NoError(j.tb, err)
		j.tb.Cleanup(func() { require.NoError(j.tb, j.set.Remove(id)) })
		require.NoError(j.tb, j.set.Start(t, map[string]task.Committed{}))
		for _, in := range t.Inputs() {
			j.inputs[in.Topic] = in
		}
	}
}

// commitInterval feeds as many records as one commit has, and commits.
func (j *job) commitInterval() {
	j.arena = j.arena[:0]
	for range commitEvery {
		in := j.feed(j.fed)
		j.fed++
		n := len(j.arena)
		j.arena = binary.BigEndian.AppendUint64(j.arena, uint64(in.key))
		j.arena, _ = events.Append(j.arena, in.value)
		key, value := j.arena[n:n+8:n+8], j.arena[n+8:len(j.arena):len(j.arena)]
		j.queue(in.topic, graph.Raw{Key: key, Value: value, Timestamp: in.at})
	}
	j.process()
	j.commit()
}

// queue puts a record into a topic.
func (j *job) queue(topic string, r graph.Raw) {
	r.Offset = j.sent[topic]
	j.sent[topic]++
	j.queued[topic] = append(j.queued[topic], r)
}

// deliver gives the tasks what is in the topics that they read.
func (j *job) deliver() {
	for topic, records := range j.queued {
		if len(records) == 0 {
			continue
		}
		if j.global[topic] {
			require.NoError(j.tb, j.set.Global().Apply(topic, 0, records, j.sent[topic]))
		} else {
			j.set.Add(j.inputs[topic], records, -1)
		}
		j.queued[topic] = records[:0]
	}
}

// process works until nothing is left to do.
func (j *job) process() {
	for {
		j.deliver()
		n, err := j.set.Step(0, math.MaxInt)
		require.NoError(j.tb, err)
		if n == 0 {
			return
		}
		for _, o := range j.set.Outputs() {
			if j.inputs[o.Topic] != nil {
				j.queue(o.Topic, graph.Raw{Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: o.Timestamp})
			}
		}
	}
}

func (j *job) commit() {
	_, err := j.set.Prepare(func(o graph.Output) {
		j.sent[o.Topic]++
		if o.Ack != nil {
			o.Ack(j.sent[o.Topic])
		}
	})
	require.NoError(j.tb, err)
	require.NoError(j.tb, j.set.Committed(0))
}

// measure reports what a record costs.
func (j *job) measure(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu, fed := processorTime(), j.fed
	for b.Loop() {
		j.commitInterval()
	}
	cpu = processorTime() - cpu
	runtime.ReadMemStats(&after)
	records := float64(j.fed - fed)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu)/records, "cpu-ns/record")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/records, "allocs/record")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/records, "B/record")
}

// processorTime is what all threads of the process have used, in user mode and in the kernel.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"millstream": main}) }

var (
	clicks    = topicOf("clicks")
	perPage   = streams.NewRepartition("by-page", serde.String, serde.String)
	pages     = state.NewKeyValue("pages", serde.String, serde.Int64)
	perMinute = state.NewWindow("minutes", serde.String, serde.Int64)
)

func topicOf(name string) streams.Topic[string, string] {
	return streams.NewTopic(name, serde.String, serde.String)
}

// from is the topic of a command's arguments, whose last one may name it.
func from(args []string, before int) streams.Topic[string, string] {
	if len(args) > before {
		return topicOf(args[before])
	}
	return clicks
}

// counting is the application that the scripts look at.
func counting(app string, clicks streams.Topic[string, string]) (*topology.Topology, error) {
	b := streams.NewBuilder(app)
	s := streams.From(b, clicks)
	streams.GroupBy(s, func(page string) string { return page }, perPage).Count(pages)
	s.GroupByKey().WindowedBy(window.Tumbling(time.Minute)).Count(perMinute)
	return b.Build()
}

// TestScripts runs testdata/*.txtar, each with a broker of its own. What scripts have beside the command:
//
//	topic TOPIC         creates a topic beside clicks
//	click N [TOPIC]     user 1 clicks page a, N times, a second apart
//	many N              N users click a page each, by a producer that is started anew
//	run APP [TOPIC]     runs the application until it has processed all, and stops it; runnew: with AllowNewStores
//	join APP            leaves a member behind that the group still waits for
//	forget APP          removes the group, as brokers do when its offsets expire
//	lockfile APP FILE   writes its lock file; topologyfile: its description as JSON
//	serve APP           runs the application until the script ends, and serves inspect.Handler at MILLSTREAM_URL
func TestScripts(t *testing.T) {
	testscript.Run(t, params(func() (*broker.Broker, error) { return broker.Start() }, scripts(t)...))
}

// TestScriptsOnKafka runs them on a real one.
func TestScriptsOnKafka(t *testing.T) {
	for _, script := range scripts(t) {
		t.Run(filepath.Base(script), func(t *testing.T) {
			kafka := kafkatest.Start(t)
			testscript.Run(t, params(func() (*broker.Broker, error) { return broker.Connect(kafka.Addrs...) }, script))
		})
	}
}

func scripts(t *testing.T) []string {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func params(open func() (*broker.Broker, error), files ...string) testscript.Params {
	return testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error {
			b, err := open()
			if err != nil {
				return err
			}
			env.Defer(b.Close)
			env.Values["broker"] = b
			env.Setenv("MILLSTREAM_BROKERS", strings.Join(b.Addrs(), ","))
			return b.CreateTopics(context.Background(), 2, clicks)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"topic": createTopic, "click": click, "many": many, "forget": forgetGroup, "run": runApp, "runnew": runNew, "join": join,
			"lockfile":     lockfile,
			"topologyfile": topologyfile, "serve": serve,
		},
	}
}

func brokerOf(ts *testscript.TestScript) *broker.Broker { return ts.Value("broker").(*broker.Broker) }

func click(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i := range n {
		at := time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)
		ts.Check(broker.Produce(context.Background(), brokerOf(ts), from(args, 1), record(at)))
	}
}

func many(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	b, err := broker.Connect(brokerOf(ts).Addrs()...)
	ts.Check(err)
	defer b.Close()
	for i := range n {
		r := record(time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC))
		r.Key, r.Value = fmt.Sprint("user ", i), fmt.Sprint("page ", i)
		ts.Check(broker.Produce(context.Background(), b, clicks, r))
	}
}

func record(at time.Time) streams.Record[string, string] {
	return streams.Record[string, string]{Key: "user 1", Value: "a", Timestamp: at.UnixMilli()}
}

func createTopic(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(brokerOf(ts).CreateTopics(context.Background(), 2, topicOf(args[0])))
}

func runApp(ts *testscript.TestScript, _ bool, args []string) { runWith(ts, args, false) }

func runNew(ts *testscript.TestScript, _ bool, args []string) { runWith(ts, args, true) }

func runWith(ts *testscript.TestScript, args []string, allowNew bool) {
	topo, err := counting(args[0], from(args, 1))
	ts.Check(err)
	app, err := streams.New(topo, streams.Config{
		Brokers: brokerOf(ts).Addrs(), StateDir: ts.MkAbs("state"), MemoryBytes: 16 << 20,
		Logger: slog.New(slog.DiscardHandler), AllowNewStores: allowNew,
	})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }() // ends with ctx
	waited := make(chan error, 1)
	go func() { waited <- brokerOf(ts).WaitProcessed(ctx, topo) }() // ends with what it waits for, or with ctx
	select {
	case err = <-waited:
		cancel()
		ts.Check(err)
		ts.Check(<-ended)
		waitForMarkers(ts)
	case err = <-ended:
		ts.Fatalf("the application has ended: %v", err)
	}
}

// waitForMarkers waits until no transaction is under way: a real Kafka answers the end of one before its markers are in
// all partitions, and until then readers of committed records do not see it.
func waitForMarkers(ts *testscript.TestScript) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokerOf(ts).Addrs()...))
	ts.Check(err)
	defer client.Close()
	admin := kadm.NewClient(client)
	for open := true; open; {
		ends, err := admin.ListEndOffsets(context.Background())
		ts.Check(err)
		committed, err := admin.ListCommittedOffsets(context.Background())
		ts.Check(err)
		open = false
		ends.Each(func(end kadm.ListedOffset) {
			c, _ := committed.Lookup(end.Topic, end.Partition)
			open = open || c.Offset < end.Offset
		})
	}
}

func forgetGroup(ts *testscript.TestScript, _ bool, args []string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokerOf(ts).Addrs()...))
	ts.Check(err)
	defer client.Close()
	_, err = kadm.NewClient(client).DeleteGroup(context.Background(), args[0])
	ts.Check(err)
}

func join(ts *testscript.TestScript, _ bool, args []string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokerOf(ts).Addrs()...), kgo.ConsumerGroup(args[0]),
		kgo.InstanceID("static-one"), kgo.ConsumeTopics("clicks"))
	ts.Check(err)
	defer client.Close()
	for {
		if _, generation := client.GroupMetadata(); generation > 0 {
			return
		}
		client.PollFetches(context.Background()) // it has joined when it is given records
	}
}

func lockfile(ts *testscript.TestScript, _ bool, args []string) {
	topo, err := counting(args[0], clicks)
	ts.Check(err)
	text, err := topo.Lock().JSON()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

func topologyfile(ts *testscript.TestScript, _ bool, args []string) {
	topo, err := counting(args[0], clicks)
	ts.Check(err)
	text, err := topo.JSON()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}

// serve waits until all that is there has been processed and committed.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	topo, err := counting(args[0], clicks)
	ts.Check(err)
	app, err := streams.New(topo, streams.Config{
		Brokers: brokerOf(ts).Addrs(), StateDir: ts.MkAbs("state"), MemoryBytes: 16 << 20,
		Logger: slog.New(slog.DiscardHandler),
	})
	ts.Check(err)
	server := httptest.NewServer(inspect.Handler(app, inspect.Options{ShowRecords: true}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }() // ends with ctx
	ts.Defer(func() {
		server.Close()
		cancel()
		ts.Check(<-ended)
	})
	ts.Setenv("MILLSTREAM_URL", server.URL)
	ts.Check(brokerOf(ts).WaitProcessed(ctx, topo))
	for app.State() != streams.Running || !caughtUp(app.Snapshot()) {
		time.Sleep(time.Millisecond)
	}
}

// caughtUp is true when a snapshot, which may be a second old, shows that all was processed and committed.
func caughtUp(s streams.Snapshot) bool {
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			if in.Lag != 0 || in.End < 0 || in.Committed != in.Position && in.Position > 0 {
				return false
			}
		}
	}
	return len(s.Tasks) == 4
}

func Example_formats() {
	for _, text := range []string{"window(list(string),json)", "window(string)"} {
		fmt.Println(parseFormat(text))
	}
	// Output:
	// window(list(string),json) <nil>
	// <nil> "window(string)" is not the format of a store, as "key-value(string,json)"
}

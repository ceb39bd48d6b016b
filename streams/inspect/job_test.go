package inspect_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/topology"
	"github.com/millstream-go/millstream/window"
)

type (
	order struct {
		Product string `json:"product"`
		Cents   int64  `json:"cents"`
	}
	sum struct {
		Orders int64 `json:"orders"`
		Cents  int64 `json:"cents"`
	}
	// job is an application that adds up orders by customer, by customer and time, and, behind a topic that it writes,
	// by product; its stores are served. It runs in a process of its own.
	job struct {
		Brokers         []string
		Name, Dir       string
		Orders, Ordered string // topics: by customer, by product
	}
)

const spell = 10 * time.Second // of totals by time

var (
	totals   = state.NewKeyValue("totals", serde.String, serde.JSON[sum]())
	spells   = state.NewWindow("spells", serde.String, serde.JSON[sum]()).Retain(24 * time.Hour)
	products = state.NewKeyValue("products", serde.String, serde.JSON[sum]())
)

// jobVariable makes this test binary the process of an application.
const jobVariable = "MILLSTREAM_TEST_JOB"

func TestMain(m *testing.M) {
	text := os.Getenv(jobVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var j job
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (j job) build() (*topology.Topology, error) {
	b := streams.NewBuilder(j.Name)
	zero := func() sum { return sum{} }
	add := func(_ string, o order, s sum) sum { return sum{s.Orders + 1, s.Cents + o.Cents} }
	orders := streams.From(b, streams.NewTopic(j.Orders, serde.String, serde.JSON[order]()))
	streams.Aggregate(orders.GroupByKey(), totals, zero, add)
	windows := window.Tumbling(spell).Grace(time.Hour)
	streams.WindowedAggregate(orders.GroupByKey().WindowedBy(windows), spells, zero, add)
	ordered := streams.NewTopic(j.Ordered, serde.String, serde.JSON[order]())
	streams.SelectKey(orders, func(o order) string { return o.Product }).To(ordered)
	streams.Aggregate(streams.From(b, ordered).GroupByKey(), products, zero, add)
	return b.Build()
}

// run runs the application until the standard input ends, and tells its address on the standard output.
func (j job) run() error {
	topo, err := j.build()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	app, err := streams.New(topo, streams.Config{
		Brokers: j.Brokers, StateDir: j.Dir, Endpoint: url, SessionTimeout: 6 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: inspect.Handler(app, inspect.Options{ShowRecords: true})}
	// Ends with Close below.
	go server.Serve(listener)
	fmt.Println(url)
	ctx, cancel := context.WithCancel(context.Background())
	// Ends with the input, or with the process.
	go func() {
		defer cancel()
		io.Copy(io.Discard, os.Stdin)
	}()
	return errors.Join(app.Run(ctx), server.Close())
}

// running is a job that runs in a process.
type running struct {
	url   string
	cmd   *exec.Cmd
	in    io.Closer
	log   *logged
	down  atomic.Bool // set before it ends
	ended chan struct{}
	err   error // once it has ended
}

// start starts a process, and returns when it serves.
func (j job) start(t *testing.T, dir string) *running {
	j.Dir = dir
	text, err := json.Marshal(j)
	require.NoError(t, err)
	p := &running{cmd: exec.Command(os.Args[0]), log: &logged{}, ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	p.cmd.Stderr = p.log
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.kill(t) })
	line, failed := bufio.NewReader(out).ReadString('\n')
	// Ends with the process.
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	if failed != nil {
		<-p.ended
		require.NoError(t, failed, p.log)
	}
	p.url = strings.TrimSpace(line)
	return p
}

// stop ends it as a deployment would.
func (p *running) stop(t *testing.T) {
	p.down.Store(true)
	require.NoError(t, p.in.Close())
	<-p.ended
	require.NoError(t, p.err, p.log)
}

// kill ends it with SIGKILL.
func (p *running) kill(*testing.T) {
	p.down.Store(true)
	_ = p.cmd.Process.Kill() // fails if it has ended
	<-p.ended
}

func (p *running) requireRuns(t *testing.T) {
	select {
	case <-p.ended:
		require.Fail(t, "a process has ended", "%v\n%s", p.err, p.log)
	default:
	}
}

// logged is what a process has logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

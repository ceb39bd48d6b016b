package kafkatest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// Broker is a broker of a test's own, to be mistreated. Its methods fail the test if they cannot do what they say.
type Broker struct {
	Addrs  []string // what clients connect to, of its whole cluster; it stays the same
	tb     testing.TB
	port   int // the cluster's first
	number int // in its cluster, from 1
}

// Start starts a broker with an empty log. It ends with the test.
func Start(tb testing.TB) *Broker {
	tb.Helper()
	return start(tb, 1)[0]
}

// StartThree starts a cluster of three brokers with empty logs: topics have three copies, and take writes while two of
// the brokers run. They end with the test.
func StartThree(tb testing.TB) []*Broker {
	tb.Helper()
	return start(tb, 3)
}

func start(tb testing.TB, size int) (brokers []*Broker) {
	tb.Helper()
	skipUnlessEnabled(tb)
	first, err := launch(size)
	if err != nil {
		tb.Fatal(err)
	}
	first.tb = tb
	tb.Cleanup(func() { first.must("down") })
	for n := range size {
		b := *first
		b.number = n + 1
		brokers = append(brokers, &b)
	}
	return brokers
}

// Kill ends the broker's process with SIGKILL.
func (b *Broker) Kill() { b.tb.Helper(); b.must("kill") }

// Stop ends the broker as a deployment would: it closes its log.
func (b *Broker) Stop() { b.tb.Helper(); b.must("stop") }

// Restart starts a broker that was killed or stopped again, on its log and address. After Kill it takes some ten
// seconds: the broker waits until its former life's session is over.
func (b *Broker) Restart() { b.tb.Helper(); b.must("start") }

// Pause lets the broker's process stand still, as a long garbage collection would, with its connections open.
func (b *Broker) Pause() { b.tb.Helper(); b.must("pause") }

// Resume lets a paused broker go on.
func (b *Broker) Resume() { b.tb.Helper(); b.must("resume") }

func (b *Broker) must(verb string) {
	b.tb.Helper()
	if _, err := b.script(verb, strconv.Itoa(b.number)); err != nil {
		b.tb.Fatal(err)
	}
}

// launch starts a cluster on free ports, and gives its first broker; it ends after this process at the latest.
func launch(size int) (*Broker, error) {
	port, err := freePorts(2 * size)
	if err != nil {
		return nil, err
	}
	b := &Broker{port: port, number: 1}
	addrs, err := b.script("up", strconv.Itoa(size))
	if err != nil {
		return nil, err
	}
	b.Addrs = strings.Split(strings.TrimSpace(addrs), ",")
	return b, nil
}

func (b *Broker) script(args ...string) (stdout string, err error) {
	_, self, _, _ := runtime.Caller(0)
	cmd := exec.Command(filepath.Join(filepath.Dir(self), "kafka.sh"), args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("KAFKA_PORT=%d", b.port), fmt.Sprintf("KAFKA_OWNER=%d", os.Getpid()))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kafkatest: kafka.sh %s: %w: %s", args, err, stderr.String())
	}
	return string(out), nil
}

// freePorts finds ports in a row that nobody uses, two for each broker: its own and its controller's. It draws them
// from below those that the system gives to clients: one of these could take the port of a broker that is down, even
// by connecting to itself.
func freePorts(n int) (first int, err error) {
	for range 50 {
		first = 20_000 + 2*rand.IntN(5_000)
		if allFree(first, n) {
			return first, nil
		}
	}
	return 0, fmt.Errorf("kafkatest: no %d free ports in a row", n)
}

func allFree(first, n int) bool {
	for port := range n {
		if !free(first + port) {
			return false
		}
	}
	return true
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

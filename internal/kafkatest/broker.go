package kafkatest

import (
	"bytes"
	"errors"
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
	Addrs []string // what clients connect to; it stays the same
	tb    testing.TB
	port  int
}

// Start starts a broker with an empty log. It ends with the test.
func Start(tb testing.TB) *Broker {
	tb.Helper()
	skipUnlessEnabled(tb)
	b, err := launch()
	if err != nil {
		tb.Fatal(err)
	}
	b.tb = tb
	tb.Cleanup(func() { b.must("down") })
	return b
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
	if _, err := b.script(verb); err != nil {
		b.tb.Fatal(err)
	}
}

// launch starts a broker on a free port; it ends after this process at the latest.
func launch() (*Broker, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	b := &Broker{port: port}
	addrs, err := b.script("up")
	if err != nil {
		return nil, err
	}
	b.Addrs = strings.Split(strings.TrimSpace(addrs), ",")
	return b, nil
}

func (b *Broker) script(verb string) (stdout string, err error) {
	_, self, _, _ := runtime.Caller(0)
	cmd := exec.Command(filepath.Join(filepath.Dir(self), "kafka.sh"), verb)
	cmd.Env = append(os.Environ(), fmt.Sprintf("KAFKA_PORT=%d", b.port), fmt.Sprintf("KAFKA_OWNER=%d", os.Getpid()))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kafkatest: kafka.sh %s: %w: %s", verb, err, stderr.String())
	}
	return string(out), nil
}

// freePort finds two ports in a row that nobody uses: the broker's and its controller's. It draws them from below those
// that the system gives to clients: one of these could take the port of a broker that is down, even by connecting to
// itself.
func freePort() (int, error) {
	for range 50 {
		port := 20_000 + 2*rand.IntN(5_000)
		if free(port) && free(port+1) {
			return port, nil
		}
	}
	return 0, errors.New("kafkatest: no two free ports in a row")
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

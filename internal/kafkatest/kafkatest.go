// Package kafkatest gives tests a real Kafka broker. Tests that need one are skipped unless MILLSTREAM_KAFKA is 1; then
// they never are.
package kafkatest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Enabled is true where tests on a real Kafka are to run.
func Enabled() bool { return os.Getenv("MILLSTREAM_KAFKA") == "1" }

// Brokers are the addresses of a broker that tests share: those of MILLSTREAM_BROKERS, or that of a broker started for
// this test.
func Brokers(tb testing.TB) []string {
	tb.Helper()
	skipUnlessEnabled(tb)
	if list := os.Getenv("MILLSTREAM_BROKERS"); list != "" {
		return strings.Split(list, ",")
	}
	return Start(tb).Addrs
}

func skipUnlessEnabled(tb testing.TB) {
	tb.Helper()
	if !Enabled() {
		tb.Skip("needs a real Kafka: set MILLSTREAM_KAFKA=1 (Java 17 and Maven are needed)")
	}
}

// Broker is a broker of a test's own, to be mistreated.
type Broker struct {
	Addrs []string
	tb    testing.TB
	port  int
}

// Start starts a broker that ends with the test.
func Start(tb testing.TB) *Broker {
	tb.Helper()
	skipUnlessEnabled(tb)
	b := &Broker{tb: tb, port: freePort(tb)}
	b.Addrs = []string{strings.TrimSpace(b.script("up"))}
	tb.Cleanup(func() { b.script("down") })
	return b
}

// Kill kills the broker with -9; Restart starts it again on its log.
func (b *Broker) Kill()    { b.script("kill") }
func (b *Broker) Restart() { b.script("start") }

// Pause stops the broker's process, as a long garbage collection would; Resume lets it go on.
func (b *Broker) Pause()  { b.script("pause") }
func (b *Broker) Resume() { b.script("resume") }

func (b *Broker) script(verb string) string {
	b.tb.Helper()
	_, self, _, _ := runtime.Caller(0)
	cmd := exec.Command(filepath.Join(filepath.Dir(self), "kafka.sh"), verb)
	cmd.Env = append(os.Environ(), fmt.Sprintf("KAFKA_PORT=%d", b.port))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.tb.Fatalf("kafka.sh %s: %v: %s", verb, err, stderr.String())
	}
	return string(out)
}

// freePort finds two ports in a row that nobody uses.
func freePort(tb testing.TB) int {
	tb.Helper()
	for range 50 {
		first, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			tb.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", "localhost:"+strconv.Itoa(port+1))
		first.Close()
		if err == nil {
			second.Close()
			return port
		}
	}
	tb.Fatal("no two free ports in a row")
	return 0
}

var names atomic.Int64

// Name is a name that no other test uses, on any broker.
func Name(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), names.Add(1))
}

// CreateTopic creates a topic whose records are never deleted for their age.
func CreateTopic(tb testing.TB, brokers []string, topic string, partitions int32) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	keep := "-1"
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &keep}, topic)
	if err != nil {
		tb.Fatalf("create topic %s: %v", topic, err)
	}
}

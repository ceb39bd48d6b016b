package kafkatest

import (
	"os"
	"strings"
	"sync"
	"testing"
)

// Enabled is true where tests on a real Kafka are to run: where MILLSTREAM_KAFKA is 1.
func Enabled() bool { return os.Getenv("MILLSTREAM_KAFKA") == "1" }

// Brokers are the addresses of a broker that tests share: those of MILLSTREAM_BROKERS, separated by commas, or else
// that of a broker which the first caller in this process starts. Tests keep apart by the names of their topics and
// groups.
func Brokers(tb testing.TB) []string {
	tb.Helper()
	skipUnlessEnabled(tb)
	if list := os.Getenv("MILLSTREAM_BROKERS"); list != "" {
		return strings.Split(list, ",")
	}
	b, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return b.Addrs
}

// shared ends with the process: no test knows whether it is the last one.
var shared = sync.OnceValues(func() (*Broker, error) { return launch(1) })

func skipUnlessEnabled(tb testing.TB) {
	tb.Helper()
	if !Enabled() {
		tb.Skip("needs a real Kafka: set MILLSTREAM_KAFKA=1 (Java 17 and Maven are needed)")
	}
}

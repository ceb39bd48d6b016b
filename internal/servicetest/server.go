package servicetest

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

	"github.com/millstream-go/millstream/internal/kafkatest"
)

// Server is a server of a test's own, to be mistreated. Its methods fail the test if they cannot do what they say.
type Server struct {
	URL string // at which clients find it; it stays the same

	tb     testing.TB
	script string
	env    []string
}

// Kill ends the server's process as a crash would.
func (s *Server) Kill() { s.tb.Helper(); s.must("kill") }

// Restart starts a server that was killed again, on its data and address.
func (s *Server) Restart() { s.tb.Helper(); s.must("start") }

// StartPostgres starts a PostgreSQL with an empty database. It ends with the test.
func StartPostgres(tb testing.TB) *Server { tb.Helper(); return start(tb, "postgres", 1) }

// StartOpenSearch starts an OpenSearch node without indexes. It ends with the test.
func StartOpenSearch(tb testing.TB) *Server { tb.Helper(); return start(tb, "opensearch", 2) }

// StartRegistry starts a schema registry without schemas. It ends with the test.
func StartRegistry(tb testing.TB) *Server { tb.Helper(); return start(tb, "registry", 1) }

// start runs a script on so many free ports in a row. NAME_PORT and NAME_OWNER tell it where, and for whom.
func start(tb testing.TB, name string, ports int, env ...string) *Server {
	tb.Helper()
	if !kafkatest.Enabled() {
		tb.Skipf("needs a real server, %s: set MILLSTREAM_KAFKA=1", name)
	}
	port, err := freePorts(ports)
	if err != nil {
		tb.Fatal(err)
	}
	prefix := strings.ToUpper(name)
	s := &Server{tb: tb, script: name + ".sh", env: append(env,
		fmt.Sprintf("%s_PORT=%d", prefix, port), fmt.Sprintf("%s_OWNER=%d", prefix, os.Getpid()))}
	s.URL = strings.TrimSpace(s.must("up"))
	tb.Cleanup(func() { s.must("down") })
	return s
}

func (s *Server) must(args ...string) (stdout string) {
	s.tb.Helper()
	_, self, _, _ := runtime.Caller(0)
	cmd := exec.Command(filepath.Join(filepath.Dir(self), s.script), args...)
	cmd.Env = append(os.Environ(), s.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.tb.Fatalf("servicetest: %s %v: %v: %s", s.script, args, err, stderr.String())
	}
	return string(out)
}

// freePorts finds ports in a row that nobody uses, below those that the system gives to clients.
func freePorts(n int) (int, error) {
	for range 50 {
		port := 10_000 + rand.IntN(9_000)
		ok := true
		for i := range n {
			ok = ok && free(port+i)
		}
		if ok {
			return port, nil
		}
	}
	return 0, errors.New("servicetest: no free ports in a row")
}

func free(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

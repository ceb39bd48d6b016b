package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// order is what the process of an application is told on its standard input. The end of the input tells it to end, so
// that it does not outlive the tests either.
type order struct {
	Scenario *Scenario
	App      string
	Brokers  []string
	Dir      string
}

// instanceVariable makes this test binary the process of an application.
const instanceVariable = "MILLSTREAM_CONFORMANCE_INSTANCE"

func TestMain(m *testing.M) {
	if os.Getenv(instanceVariable) != "1" {
		// Applications wait for brokers most of the time. The flag -parallel says otherwise.
		if err := flag.Set("test.parallel", "6"); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	if err := runInstance(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runInstance runs an application until it is told to end. It writes the numbers of the records that enter global
// tables, one a line.
func runInstance(in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return err
	}
	app, err := o.Scenario.newApp(o.App, o.Brokers, o.Dir, slog.New(slog.NewTextHandler(os.Stderr, nil)), func(r record) {
		fmt.Fprintln(out, numberOf(r))
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	// Ends with the input, or with the process.
	go func() {
		defer cancel()
		io.Copy(io.Discard, in)
	}()
	return app.Run(ctx)
}

// instance is an application in a process of its own, which can be killed.
type instance struct {
	cmd   *exec.Cmd
	input io.Closer
	ended chan struct{} // closed when the process has ended and its output has been read
	err   error         // how it ended
}

// startInstance starts the application on a state directory. An end that nobody asked for is the cause with which end
// is called.
func (l *live) startInstance(t *testing.T, dir string, log io.Writer, end context.CancelCauseFunc) *instance {
	told, err := json.Marshal(order{Scenario: l.Scenario, App: l.app, Brokers: l.brokers, Dir: dir})
	require.NoError(t, err)
	p := &instance{cmd: exec.Command(os.Args[0]), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), instanceVariable+"=1")
	p.cmd.Stderr = log
	in, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.input = in
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.kill() })
	_, err = in.Write(told)
	require.NoError(t, err)
	// Ends with the process.
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if err := l.enter(lines.Text()); err != nil {
				end(err)
			}
		}
		p.err = p.cmd.Wait()
		if !strings.Contains(fmt.Sprint(p.err), "killed") && p.err != nil {
			end(fmt.Errorf("the application has ended: %w", p.err))
		}
		close(p.ended)
	}()
	return p
}

// stop ends the process as a deployment would.
func (p *instance) stop() error {
	p.input.Close()
	<-p.ended
	return p.err
}

// kill ends it with SIGKILL.
func (p *instance) kill() error {
	p.cmd.Process.Kill() // fails if it has ended
	<-p.ended
	return p.err
}

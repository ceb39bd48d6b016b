package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/testkit/broker"
)

// rig runs the example as processes of their own on a real Kafka.
type rig struct {
	t       *testing.T
	cluster *broker.Broker
	binary  string
	dir     string
	log     *safeBuffer // of all processes
}

func newRig(t *testing.T, brokers []string, partitions int) *rig {
	r := &rig{t: t, dir: t.TempDir(), log: &safeBuffer{}}
	r.binary = filepath.Join(r.dir, "ordertotals")
	out, err := exec.Command("go", "build", "-o", r.binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	r.cluster, err = open(context.Background(), options{brokers: strings.Join(brokers, ","), partitions: partitions})
	require.NoError(t, err)
	t.Cleanup(r.cluster.Close)
	return r
}

func (r *rig) stateDir(i int) string { return filepath.Join(r.dir, fmt.Sprintf("state-%d", i)) }

func (r *rig) start(args ...string) *process {
	p := &process{
		cmd: exec.Command(r.binary, append(args, "-brokers", strings.Join(r.cluster.Addrs(), ","))...),
		out: &safeBuffer{}, ended: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.out, io.MultiWriter(p.out, r.log)
	require.NoError(r.t, p.cmd.Start())
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	r.t.Cleanup(p.kill)
	return p
}

func (r *rig) startApp(i int, args ...string) *process {
	return r.start(append(args, "-mode", "run", "-state-dir", r.stateDir(i))...)
}

// process is a program that the test started.
type process struct {
	cmd   *exec.Cmd
	out   *safeBuffer
	ended chan struct{}
	err   error // once it has ended
}

func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// stop ends a process as a deployment would.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.ended
}

// freeze lets a process stand still, as a virtual machine that is moved; thaw lets it go on.
func (p *process) freeze() { p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *process) thaw()   { p.cmd.Process.Signal(syscall.SIGCONT) }

func (p *process) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *process) output() string { return p.out.String() }

// safeBuffer is written by several processes' copiers.
type safeBuffer struct {
	mu struct {
		sync.Mutex
		bytes.Buffer
	}
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.Buffer.String()
}

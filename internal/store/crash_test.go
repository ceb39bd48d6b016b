package store_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKilledWriter kills a process with -9 while it commits, again and again on one directory, and finds a whole prefix
// of its batches, with all that were acknowledged.
func TestKilledWriter(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_WRITER"); dir != "" {
		e := open(t, dir)
		n, err := prefix(t, e)
		for i := n; err == nil; i++ {
			err = write(e, i)
			fmt.Println(i)
		}
		t.Fatal(err)
	}
	dir := t.TempDir()
	total, lost := 0, 0
	for _, batches := range []int{1, 300, 2000, 5000} {
		acknowledged := kill(t, dir, total+batches)
		e := open(t, dir)
		n, err := prefix(t, e)
		require.NoError(t, err)
		require.NoError(t, e.Close())
		lost += max(0, acknowledged+1-n)
		total = n
	}
	t.Logf("%d batches, %d acknowledged and lost", total, lost)
	require.Zero(t, lost, "acknowledged batches are gone")
}

// kill runs a writer until it has acknowledged a batch, kills it, and returns the last batch that it acknowledged.
func kill(t *testing.T, dir string, at int) (acknowledged int) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	acknowledged, killed := -1, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		_, err := fmt.Sscan(lines.Text(), &acknowledged)
		require.NoError(t, err, lines.Text())
		if acknowledged >= at && !killed {
			require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
			killed = true
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.True(t, killed, "the writer ended by itself: %v", exit)
	return acknowledged
}

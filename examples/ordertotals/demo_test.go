package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// demonstration is the program, built, with the command line of a short run.
func demonstration(t *testing.T, args ...string) func() *exec.Cmd {
	binary := filepath.Join(t.TempDir(), "ordertotals")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return func() *exec.Cmd { return exec.Command(binary, args...) }
}

// TestDemonstration: what a newcomer sees is true, says what it shows, and ends with a verification and what is next.
func TestDemonstration(t *testing.T) {
	start := demonstration(t, "-for", "3s", "-orders", "3000")
	out, err := start().CombinedOutput()
	require.NoError(t, err, string(out))
	text := string(out)
	require.True(t, strings.HasPrefix(text, "3000 orders of 500 customers come into topic orders over 3s"), text)
	require.Contains(t, text, "final totals of customers and minutes: ")
	require.NotContains(t, text, " 0 paid ones")
	require.Contains(t, text, "verified: ")
	require.Contains(t, text, "from 3000 orders")
	require.Contains(t, text, "next: kill it and start it again")
}

// TestKilledDemonstration: with the application killed again and again, the totals are right.
func TestKilledDemonstration(t *testing.T) {
	start := demonstration(t, "-for", "5s", "-orders", "5000", "-kill", "1500ms")
	out, err := start().CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `process \d+ runs, [1-9]\d* were killed`, string(out))
	require.Contains(t, string(out), "from 5000 orders")
}

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const printed = `goos: linux
goarch: amd64
cpu: Some CPU
BenchmarkStreams/From,_To-2         	      50	       109.0 B/record	         0.01186 allocs/record	       426.8 cpu-ns/record
BenchmarkTableJoins/TableJoin-2    	      50	       240.0 B/record	         3.5 allocs/record	     12349 cpu-ns/record
BenchmarkTableJoins/TableJoin-2    	      50	       241.0 B/record	         3.6 allocs/record	     20000 cpu-ns/record
PASS
`

func TestEachBenchmarkIsARow(t *testing.T) {
	r, err := read(strings.NewReader(printed))
	require.NoError(t, err)
	page := string(r.markdown())
	require.Contains(t, page, "Measured on Some CPU, 2 cores, linux.")
	require.Contains(t, page, "\n## Streams\n\n| operator |")
	require.Contains(t, page, "| From, To | 430 | 0.01 | 109 |\n")
	require.Contains(t, page, "\n## Table joins\n")
	require.Contains(t, page, "| TableJoin | 12000 | 3.50 | 240 |\n", "the faster run")
	require.NotContains(t, page, "20000")
}

func TestARunThatFailedIsNoReport(t *testing.T) {
	_, err := read(strings.NewReader(printed + "--- FAIL: BenchmarkTables\n"))
	require.ErrorContains(t, err, "BenchmarkTables")
	_, err = read(strings.NewReader("PASS\n"))
	require.ErrorIs(t, err, errNoRows)
}

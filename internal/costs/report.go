package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// report is what a run of the benchmarks says.
type report struct {
	cpu    string // the machine's processor
	system string
	cores  string
	groups []*group
}

// group is the operators of one benchmark.
type group struct {
	name string
	rows []row
}

// row is what a record costs an operator.
type row struct {
	name                       string
	nanoseconds, allocs, bytes float64
}

var errNoRows = errors.New("no benchmarks on standard input: pipe in what go test -bench prints")

// read takes the output of go test -bench.
func read(r io.Reader) (*report, error) {
	t := &report{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		switch key, value, _ := strings.Cut(line, ": "); key {
		case "cpu":
			t.cpu = value
		case "goos":
			t.system = value
		}
		if strings.HasPrefix(line, "--- FAIL") {
			return nil, fmt.Errorf("a benchmark has failed: %s", line)
		}
		if err := t.add(line); err != nil {
			return nil, err
		}
	}
	if len(t.groups) == 0 {
		return nil, errNoRows
	}
	return t, lines.Err()
}

var benchmark = regexp.MustCompile(`^Benchmark(\w+)/(\S+?)(-\d+)?\s+\d+\s+(.*)$`)

// add takes a line, which counts if it is that of a benchmark.
func (t *report) add(line string) error {
	m := benchmark.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	r := row{name: strings.ReplaceAll(m[2], "_", " ")}
	t.cores = strings.TrimPrefix(m[3], "-")
	fields := strings.Fields(m[4])
	for i := 0; i+1 < len(fields); i += 2 {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		switch fields[i+1] {
		case "cpu-ns/record":
			r.nanoseconds = n
		case "allocs/record":
			r.allocs = n
		case "B/record":
			r.bytes = n
		}
	}
	t.group(m[1]).add(r)
	return nil
}

// add takes a row; of several runs of an operator the one that was disturbed least.
func (g *group) add(r row) {
	for i := range g.rows {
		if g.rows[i].name == r.name {
			if r.nanoseconds < g.rows[i].nanoseconds {
				g.rows[i] = r
			}
			return
		}
	}
	g.rows = append(g.rows, r)
}

func (t *report) group(name string) *group {
	for _, g := range t.groups {
		if g.name == name {
			return g
		}
	}
	t.groups = append(t.groups, &group{name: name})
	return t.groups[len(t.groups)-1]
}

const head = `# What each operator costs

Processor time and allocations per record that comes from outside, of one task on a database on disk, with a commit
every 1,000 records and 10,000 keys. Included: decoding the record, the operator, encoding results and changelog
records, the batch for the database, its compactions, Go's garbage collector. Left out: Kafka and its client; the
table under "Performance" in the README has them. Values have 100 bytes, unless an aggregate makes them a number.
Records come one a millisecond, the keys in turn, so that each key has a record every 10 seconds.

Each row is a whole topology, from a source to a sink: the first one is what these two cost by themselves, and is to be
subtracted. Steps that go through an internal topic are charged for both sides of it. What a step keeps is in memory
here; rows that were evicted cost a read of the database in addition, and sliding windows, sessions, joins of streams
and suppress then take two to four times as long.

Of several runs the fastest counts. Allocations are not all per record: chunks of output bytes, growing tables and
batches make the small fractions.

`

// markdown is the report as a page.
func (t *report) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, head)
	fmt.Fprintf(&b, "Measured on %s, %s cores, %s. Repeat it with `make costs`.\n", t.cpu, t.cores, t.system)
	for _, g := range t.groups {
		fmt.Fprintf(&b, "\n## %s\n\n| operator | ns | allocations | bytes |\n|---|---:|---:|---:|\n", title(g.name))
		for _, r := range g.rows {
			fmt.Fprintf(&b, "| %s | %.0f | %s | %.0f |\n", r.name, rounded(r.nanoseconds), fraction(r.allocs), r.bytes)
		}
	}
	return b.Bytes()
}

// title puts spaces between the words of a benchmark's name.
func title(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && c >= 'A' && c <= 'Z' {
			b.WriteByte(' ')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// rounded keeps two digits: more would claim that runs agree better than they do.
func rounded(n float64) float64 {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(math.Max(n, 1)))-1))
	return math.Round(n/unit) * unit
}

func fraction(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }

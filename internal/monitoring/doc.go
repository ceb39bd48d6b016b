// Package monitoring writes what docs has for people who watch applications from the table of metrics: the list, a
// dashboard for Grafana and alert rules for Prometheus. Its test compares the files; with -update it writes them anew.
package monitoring

import (
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/metrics/prometheus"
)

// name is what a metric of the table is called in Prometheus. One that is not in the table is a mistake here.
func name(metric string) string {
	for _, m := range streams.Metrics() {
		if m.Name == metric {
			return prometheus.Name(m)
		}
	}
	panic("monitoring: there is no metric " + metric)
}

// named replaces the names of metrics in braces, as in {millstream.lag}, by those in Prometheus.
func named(query string) string {
	var out strings.Builder
	for {
		before, behind, found := strings.Cut(query, "{millstream.")
		if out.WriteString(before); !found {
			return out.String()
		}
		metric, rest, _ := strings.Cut(behind, "}")
		out.WriteString(name("millstream." + metric))
		query = rest
	}
}

// Page is the list of metrics for docs.
func Page() string {
	var out strings.Builder
	out.WriteString(head)
	for level := streams.ClientLevel; level <= streams.StoreLevel; level++ {
		fmt.Fprintf(&out, "\n## Level: %s\n\n| metric | in Prometheus | kind | unit | attributes | |\n", level)
		out.WriteString("|---|---|---|---|---|---|\n")
		for _, m := range streams.Metrics() {
			if m.Level == level {
				fmt.Fprintf(&out, "| `%s` | `%s` | %s | %s | %s | %s |\n", m.Name, prometheus.Name(m), m.Kind, m.Unit,
					strings.Join(m.Attributes, ", "), m.Help)
			}
		}
	}
	return out.String()
}

const head = `# Metrics

All metrics of an application, from the table in the code (` + "`streams.Metrics`" + `); ` +
	"`go test ./internal/monitoring -update`" + ` writes
this page. [operations.md](operations.md) tells how they are shown and what to watch. Each has the attribute app, the
application id. They are taken from ` + "`App.Snapshot`" + ` at the time of a scrape: nothing is counted on the way of a
record.
`

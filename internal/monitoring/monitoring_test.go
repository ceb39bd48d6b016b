package monitoring

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/metrics/prometheus"
)

var update = flag.Bool("update", false, "write the files in docs anew")

// TestFilesAreThoseOfTheTable: what docs has follows from the table. With -update it is written anew.
func TestFilesAreThoseOfTheTable(t *testing.T) {
	for path, want := range map[string]string{
		"metrics.md": Page(), "monitoring/alerts.yml": Alerts(), "monitoring/dashboard.json": string(Dashboard()),
	} {
		file := filepath.Join("..", "..", "docs", filepath.FromSlash(path))
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		}
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(got), "docs/%s is another: go test ./internal/monitoring -update", path)
	}
}

var metric = regexp.MustCompile(`millstream[._]\w[\w.]*`)

// requireKnown: a query names metrics of the table, and nothing else.
func requireKnown(t *testing.T, query string) {
	known := map[string]bool{}
	for _, m := range streams.Metrics() {
		known[series(m)] = true
	}
	names := metric.FindAllString(query, -1)
	require.NotEmpty(t, names, query)
	for _, name := range names {
		require.True(t, known[name], "%s in %s", name, query)
	}
	require.Equal(t, strings.Count(query, "("), strings.Count(query, ")"), query)
	require.Equal(t, strings.Count(query, "{"), strings.Count(query, "}"), query)
}

func TestAlertsNameMetricsOfTheTable(t *testing.T) {
	for _, a := range alerts {
		requireKnown(t, named(a.query))
		require.NotEmpty(t, a.cure)
	}
	require.PanicsWithValue(t, "monitoring: there is no metric millstream.gone",
		func() { named("sum({millstream.gone})") })
}

// TestPanelsNameMetricsOfTheTable: each has a query, each metric has a panel, and none lies on another.
func TestPanelsNameMetricsOfTheTable(t *testing.T) {
	var dashboard struct {
		Panels []panel
	}
	require.NoError(t, json.Unmarshal(Dashboard(), &dashboard))
	all := ""
	taken := map[grid]bool{}
	for _, p := range dashboard.Panels {
		require.False(t, taken[p.Grid], p.Title)
		taken[p.Grid] = true
		if p.Type == "row" {
			continue
		}
		require.Len(t, p.Targets, 1, p.Title)
		requireKnown(t, p.Targets[0].Query)
		all += p.Targets[0].Query + "\n"
	}
	for _, m := range streams.Metrics() {
		require.Contains(t, all, series(m)+"{")
	}
}

// series is what a query asks for of a metric.
func series(m streams.Metric) string {
	if m.Kind == streams.MetricHistogram {
		return prometheus.Name(m) + "_bucket"
	}
	return prometheus.Name(m)
}

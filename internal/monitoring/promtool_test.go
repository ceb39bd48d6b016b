package monitoring

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// well are the series of an application without troubles, a value each minute for an hour.
var well = map[string]string{
	`{millstream.state}{state="running"}`:               "1x60",
	`{millstream.state}{state="failed"}`:                "0x60",
	`{millstream.state}{state="stalled"}`:               "0x60",
	`{millstream.commits}`:                              "0+600x60",
	`{millstream.records}`:                              "0+6000x60",
	`{millstream.lag}`:                                  "20000-1x60",
	`{millstream.workers}`:                              "2x60",
	`{millstream.time}{phase="process"}`:                "0+40x60",
	`{millstream.time}{phase="flush"}`:                  "0+20x60",
	`{millstream.restore.remaining}`:                    "60000-1000x60",
	`{millstream.dropped}{reason="deserialize"}`:        "3x60",
	`{millstream.dropped}{reason="late"}`:               "0+1x60",
	`{millstream.sessions.ended}`:                       "4x60",
	`{millstream.worker.call.age}{worker="0"}`:          "0x60",
	`{millstream.connector.wait.age}{connector="sink"}`: "0x60",
}

// troubles are what each alert watches for, as other values of these series.
var troubles = map[string]map[string]string{
	"MillstreamNotRunning":         {`{millstream.state}{state="running"}`: "0x60"},
	"MillstreamFailed":             {`{millstream.state}{state="failed"}`: "1x60"},
	"MillstreamStalled":            {`{millstream.state}{state="stalled"}`: "1x60"},
	"MillstreamCommitsStop":        {`{millstream.commits}`: "700x60"},
	"MillstreamLagGrows":           {`{millstream.lag}`: "10000+100x60"},
	"MillstreamNearItsLimit":       {`{millstream.time}{phase="process"}`: "0+100x60"},
	"MillstreamRestoreStandsStill": {`{millstream.restore.remaining}`: "1000x60"},
	"MillstreamDropsRecords":       {`{millstream.dropped}{reason="deserialize"}`: "0+1x60"},
	"MillstreamLateRecords":        {`{millstream.dropped}{reason="late"}`: "0+100x60"},
	"MillstreamSessionsEnd":        {`{millstream.sessions.ended}`: "0+1x60"},
	"MillstreamLongCall":           {`{millstream.worker.call.age}{worker="0"}`: "0+60x60"},
	"MillstreamConnectorWaits":     {`{millstream.connector.wait.age}{connector="sink"}`: "0+60x60"},
}

// TestEachAlertFires: none does while all is well, and each one when what it watches breaks, by Prometheus' own tool.
func TestEachAlertFires(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool, a part of Prometheus, is not installed")
	}
	dir := t.TempDir()
	rules := filepath.Join(dir, "alerts.yml")
	require.NoError(t, os.WriteFile(rules, []byte(Alerts()), 0o600))
	run := func(args ...string) {
		out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	run("check", "rules", rules)
	var file strings.Builder
	file.WriteString("rule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n")
	writeTest(&file, nil, `count(ALERTS)`, "[]")
	for _, a := range alerts {
		require.Contains(t, troubles, a.name)
		fires := fmt.Sprintf(`count(ALERTS{alertname="%s",alertstate="firing"})`, a.name)
		writeTest(&file, troubles[a.name], fires, "[{labels: '{}', value: 1}]")
	}
	tests := filepath.Join(dir, "tests.yml")
	require.NoError(t, os.WriteFile(tests, []byte(file.String()), 0o600))
	run("test", "rules", tests)
}

// writeTest adds a test to a file of promtool's: what a query gives at the end of series of which some are others than
// where all is well.
func writeTest(file *strings.Builder, others map[string]string, query, want string) {
	series := maps.Clone(well)
	maps.Copy(series, others)
	file.WriteString("  - interval: 1m\n    input_series:\n")
	for _, s := range slices.Sorted(maps.Keys(series)) {
		name := strings.TrimSuffix(named(s), "}")
		if !strings.Contains(name, "{") {
			name += "{"
		} else {
			name += ","
		}
		fmt.Fprintf(file, "      - series: '%sapp=\"orders\",instance=\"one\"}'\n        values: '%s'\n", name, series[s])
	}
	fmt.Fprintf(file, "    promql_expr_test:\n      - expr: '%s'\n        eval_time: 55m\n", query)
	fmt.Fprintf(file, "        exp_samples: %s\n", want)
}

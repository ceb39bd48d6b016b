package monitoring

import (
	"fmt"
	"strings"
)

// alert is a rule of Prometheus.
type alert struct {
	name     string
	query    string // with names of metrics in braces
	lasts    string // before it is told
	severity string
	summary  string
	cure     string // what to look at, and what to do
}

var alerts = []alert{
	{"MillstreamNotRunning", `max by (app, instance) ({millstream.state}{state="running"}) == 0`, "15m", "page",
		"{{ $labels.app }} on {{ $labels.instance }} has not been running for 15 minutes.",
		"GET readyz?verbose tells what each task waits for. A restore that takes long is shown by " +
			"MillstreamRestoreStandsStill only if it does not go on."},
	{"MillstreamFailed", `max by (app, instance) ({millstream.state}{state="failed"}) == 1`, "0m", "page",
		"{{ $labels.app }} on {{ $labels.instance }} has failed.",
		"The last line of its log has the error and what to do about it."},
	{"MillstreamStalled", `max by (app, instance) ({millstream.state}{state="stalled"}) == 1`, "1m", "page",
		"{{ $labels.app }} on {{ $labels.instance }} has something to commit, and does not.",
		"The log tells what is waited for and why: a partition without a leader, a broker, an open transaction."},
	{"MillstreamCommitsStop",
		`sum by (app) (increase({millstream.commits}[10m])) == 0 and sum by (app) ({millstream.lag}) > 0`, "5m", "page",
		"{{ $labels.app }} has records to process, and has not committed for 10 minutes.",
		"GET readyz?verbose tells whether the code of a step is at work or Kafka is waited for."},
	{"MillstreamLagGrows",
		`sum by (app) ({millstream.lag}) > 10000 and deriv(sum by (app) ({millstream.lag})[15m:1m]) > 0`, "15m", "ticket",
		"{{ $labels.app }} falls behind: {{ $value }} offsets.",
		"If MillstreamNearItsLimit is told too, add processes or workers up to the number of tasks. Otherwise look for the " +
			"one task whose lag grows: its partition has more than its share."},
	{"MillstreamNearItsLimit",
		`sum by (app, instance) (rate({millstream.time}[5m])) / sum by (app, instance) ({millstream.workers}) > 0.9`,
		"15m", "ticket",
		"The workers of {{ $labels.app }} on {{ $labels.instance }} are busy nearly all the time.",
		"millstream.time by phase tells with what. Add processes or workers up to the number of tasks."},
	{"MillstreamRestoreStandsStill",
		`sum by (app, instance) ({millstream.restore.remaining}) > 0 ` +
			`and sum by (app, instance) (delta({millstream.restore.remaining}[5m])) >= 0`, "5m", "page",
		"A restore of {{ $labels.app }} on {{ $labels.instance }} does not go on.",
		"The log tells why its records do not come, most often an open transaction or a partition without a leader."},
	{"MillstreamDropsRecords",
		`sum by (app, reason) (rate({millstream.dropped}{reason=~"deserialize|process|time_jump"}[5m])) > 0`, "5m", "ticket",
		"{{ $labels.app }} leaves records out: {{ $labels.reason }}.",
		"The log has one of them for each step and reason, and the dead-letter topic has them all if there is one."},
	{"MillstreamLateRecords",
		`sum by (app) (rate({millstream.dropped}{reason="late"}[15m])) ` +
			`> 0.01 * sum by (app) (rate({millstream.records}[15m]))`,
		"15m", "ticket",
		"More than 1 % of the records of {{ $labels.app }} are too late.",
		"Events.Late tells how late. A longer grace takes them in; one record of the far future makes all others late."},
	{"MillstreamSessionsEnd", `sum by (app, instance) (increase({millstream.sessions.ended}[15m])) > 5`, "0m", "ticket",
		"Workers of {{ $labels.app }} on {{ $labels.instance }} begin again and again.",
		"The log tells the error of each. Transactions that time out and brokers that go away are the usual causes."},
	{"MillstreamLongCall", `max by (app, instance, worker) ({millstream.worker.call.age}) > 300`, "0m", "ticket",
		"A step of {{ $labels.app }} on {{ $labels.instance }} has been at work on one record for more than 5 minutes.",
		"GET readyz?verbose names the task; a stack dump of the process shows where it is. After ten minutes the group " +
			"gives its tasks to others when members come or go."},
	{"MillstreamConnectorWaits", `max by (app, instance, connector) ({millstream.connector.wait.age}) > 300`, "0m",
		"ticket",
		"A call of connector {{ $labels.connector }} on {{ $labels.instance }} of {{ $labels.app }} fails for 5 minutes.",
		"The page and api/v1/snapshot have its error: the other system is away, or refuses it. Records wait in the topic."},
}

// Alerts is a file of rules for Prometheus.
func Alerts() string {
	var out strings.Builder
	out.WriteString("# Alerts for applications of Millstream. Written by `go test ./internal/monitoring -update`.\n")
	out.WriteString("groups:\n  - name: millstream\n    rules:\n")
	for _, a := range alerts {
		fmt.Fprintf(&out, "      - alert: %s\n        expr: %s\n        for: %s\n", a.name, quoted(named(a.query)), a.lasts)
		fmt.Fprintf(&out, "        labels:\n          severity: %s\n", a.severity)
		fmt.Fprintf(&out, "        annotations:\n          summary: %s\n          description: %s\n",
			quoted(a.summary), quoted(a.cure))
	}
	return out.String()
}

// quoted is a text in single quotes, in which YAML knows one escape only.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

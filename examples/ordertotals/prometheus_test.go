package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
)

// TestPrometheus: a real one scrapes two processes while orders come in and one of them restores. Each query of the
// dashboard that is not about connectors gives data, the variables at its top have their values, each alert is evaluated and none fires, and what
// has been processed in the end is what was produced.
func TestPrometheus(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed: in Debian it is the package of that name")
	}
	const orders = 8_000
	f := newFleet(newRig(t, kafkatest.Start(t).Addrs, 4))
	f.up(0)
	lost := f.up(1)
	f.waitShared(4)
	producer := f.start("-mode", "produce", "-rate", "1000", "-orders", strconv.Itoa(orders))
	heard := f.watch(PerProduct.Name())
	for since := time.Now(); !heard.heardAll(4, since); time.Sleep(20 * time.Millisecond) {
		require.True(t, producer.runs() || producer.err == nil, producer.output())
	}
	lost.kill()
	require.NoError(t, os.RemoveAll(f.stateDir(1)))
	release := f.holdRestores()
	f.up(1)

	p := startPrometheus(t, program, strings.TrimPrefix(f.members[0].url, "http://"),
		strings.TrimPrefix(f.members[1].url, "http://"))
	p.waitData("restores", `millstream_restores > 0`)
	p.waitData("stores that are restored", `millstream_store_restore_remaining > 0`)
	release()
	<-producer.ended
	require.NoError(t, producer.err, producer.output())
	p.waitData("all orders", fmt.Sprintf(`sum(millstream_task_committed{topic="%s"}) == %d`, Orders.Name(), orders))
	p.waitData("no lag", `sum(millstream_lag) == 0`)
	p.waitData("all tasks", `sum(millstream_task_running) == 8`)

	replacer := strings.NewReplacer("$app", p.variable("app", 1), "$instance", p.variable("instance", 2),
		"$__rate_interval", "4s") // as Grafana has it: four times that of scrapes
	panels := panelsOf(t)
	for title, query := range panels {
		if strings.Contains(query, "millstream_connector_") {
			continue // none runs beside this application
		}
		p.waitData(title, replacer.Replace(query))
	}
	t.Logf("%d panels have data, %d alerts are evaluated", len(panels), p.requireAlerts())
}

// holdRestores leaves a transaction open in the changelog of the minutes: their restores stand still until release
// aborts it.
func (f *fleet) holdRestores() (release func()) {
	client, err := kgo.NewClient(kgo.SeedBrokers(f.cluster.Addrs()...), kgo.TransactionalID(kafkatest.Name("holds")),
		kgo.TransactionTimeout(10*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(f.t, err)
	f.t.Cleanup(client.Close)
	require.NoError(f.t, client.BeginTransaction())
	for partition := range int32(4) {
		r := &kgo.Record{Topic: app + "-minutes-changelog", Partition: partition, Key: []byte("k"), Value: []byte("v")}
		require.NoError(f.t, client.ProduceSync(f.t.Context(), r).FirstErr())
	}
	return func() { require.NoError(f.t, client.EndTransaction(f.t.Context(), kgo.TryAbort)) }
}

// panelsOf are the queries of the dashboard, by the title of their panel.
func panelsOf(t *testing.T) map[string]string {
	text, err := os.ReadFile("../../docs/monitoring/dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	all := map[string]string{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all[panel.Title+" / "+target.Expr] = target.Expr
		}
	}
	require.Greater(t, len(all), 40)
	return all
}

// prom is a Prometheus that runs.
type prom struct {
	t     *testing.T
	url   string
	log   *safeBuffer
	began time.Time
}

const promConfig = `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: orders
    static_configs: [{targets: [%q, %q]}]
`

var listens = regexp.MustCompile(`msg="Listening on".* address=(\S+)`)

func startPrometheus(t *testing.T, program, one, other string) *prom {
	dir := t.TempDir()
	rules, err := filepath.Abs("../../docs/monitoring/alerts.yml")
	require.NoError(t, err)
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, promConfig, rules, one, other), 0o600))
	cmd := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	p := &prom{t: t, log: &safeBuffer{}, began: time.Now()}
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for p.url == "" && lines.Scan() {
		p.log.Write(append(lines.Bytes(), '\n'))
		if at := listens.FindStringSubmatch(lines.Text()); at != nil {
			p.url = "http://" + at[1]
		}
	}
	read := make(chan struct{})
	// Ends with the process.
	go func() {
		defer close(read)
		for lines.Scan() {
			p.log.Write(append(lines.Bytes(), '\n'))
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait()
	})
	require.NotEmpty(t, p.url, "%s", p.log)
	return p
}

// get asks Prometheus' API. It is false while Prometheus is not ready.
func (p *prom) get(path string, values url.Values, data any) bool {
	resp, err := http.Get(p.url + "/api/v1/" + path + "?" + values.Encode())
	require.NoError(p.t, err, "%s", p.log)
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusServiceUnavailable {
		return false
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	require.NoError(p.t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(p.t, "success", answer.Status, "%s: %s", values.Get("query"), answer.Error)
	return true
}

// waitData waits until a query, as a panel asks it, gives a number at some time since the start.
func (p *prom) waitData(what, query string) {
	if p.hasData(query) {
		return
	}
	p.t.Logf("after %.1f s: waits for %s", time.Since(p.began).Seconds(), what)
	for !p.hasData(query) {
		time.Sleep(100 * time.Millisecond)
	}
}

func (p *prom) hasData(query string) bool {
	var found struct {
		Result []struct{ Values [][2]any }
	}
	seconds := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	if !p.get("query_range", url.Values{
		"query": {query}, "start": {seconds(p.began)}, "end": {seconds(time.Now())}, "step": {"1"},
	}, &found) {
		return false
	}
	for _, series := range found.Result {
		for _, value := range series.Values {
			if n, err := strconv.ParseFloat(value[1].(string), 64); err == nil && !math.IsNaN(n) {
				return true
			}
		}
	}
	return false
}

// variable is all values of one of the dashboard's variables, as Grafana puts them into queries.
func (p *prom) variable(label string, values int) string {
	var all []string
	require.True(p.t, p.get("label/"+label+"/values", url.Values{"match[]": {"millstream_state"}}, &all))
	require.Len(p.t, all, values, label)
	for i, value := range all {
		all[i] = strings.ReplaceAll(regexp.QuoteMeta(value), `\`, `\\`)
	}
	return "(" + strings.Join(all, "|") + ")"
}

// requireAlerts waits until all rules have been evaluated.
func (p *prom) requireAlerts() (n int) {
	for {
		var found struct {
			Groups []struct {
				Rules []struct{ Name, State, Health, LastError string }
			}
		}
		require.True(p.t, p.get("rules", nil, &found))
		n, unknown := 0, false
		for _, group := range found.Groups {
			for _, rule := range group.Rules {
				require.True(p.t, slices.Contains([]string{"ok", "unknown"}, rule.Health), "%s: %s", rule.Name, rule.LastError)
				require.NotEqual(p.t, "firing", rule.State, rule.Name)
				unknown = unknown || rule.Health == "unknown"
				n++
			}
		}
		if !unknown && n > 0 {
			return n
		}
		time.Sleep(100 * time.Millisecond)
	}
}

package monitoring

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/metrics/prometheus"
)

// panel is a part of a dashboard, as Grafana reads it.
type panel struct {
	ID          int      `json:"id"`
	Type        string   `json:"type"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Grid        grid     `json:"gridPos"`
	Source      *source  `json:"datasource,omitempty"`
	Fields      *fields  `json:"fieldConfig,omitempty"`
	Targets     []target `json:"targets,omitempty"`
	Collapsed   *bool    `json:"collapsed,omitempty"`
	Panels      *[]panel `json:"panels,omitempty"`
}

type grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type fields struct {
	Defaults  defaults `json:"defaults"`
	Overrides []string `json:"overrides"`
}

type defaults struct {
	Unit string `json:"unit"`
}

type target struct {
	Query  string `json:"expr"`
	Legend string `json:"legendFormat"`
	RefID  string `json:"refId"`
}

const (
	panelWidth, panelHeight = 8, 8
	dashboardWidth          = 24
)

// layout puts panels beside and below each other.
type layout struct {
	id, x, y int
	panels   []panel
}

func (l *layout) row(title string) {
	if l.x > 0 {
		l.x, l.y = 0, l.y+panelHeight
	}
	l.id++
	open := false
	l.panels = append(l.panels, panel{
		ID: l.id, Type: "row", Title: title, Grid: grid{1, dashboardWidth, 0, l.y}, Collapsed: &open, Panels: &[]panel{},
	})
	l.y++
}

func (l *layout) add(title, unit string, targets ...target) {
	l.id++
	l.panels = append(l.panels, panel{
		ID: l.id, Type: "timeseries", Title: title, Grid: grid{panelHeight, panelWidth, l.x, l.y},
		Source: &source{"prometheus", "${datasource}"}, Targets: targets,
		Fields: &fields{Defaults: defaults{unit}, Overrides: []string{}},
	})
	if l.x += panelWidth; l.x == dashboardWidth {
		l.x, l.y = 0, l.y+panelHeight
	}
}

// overview is what one looks at first.
var overview = []struct{ title, unit, query, legend string }{
	{"State", "short", `max by (instance, state) ({millstream.state}{$app} == 1)`, "{{instance}} {{state}}"},
	{"Records a second", "cps", `sum by (app) (rate({millstream.records}{$app}[$__rate_interval]))`, "{{app}}"},
	{"Lag", "short", `sum by (app) ({millstream.lag}{$app})`, "{{app}}"},
	{"Tasks", "short", `sum by (status) ({millstream.tasks}{$app})`, "{{status}}"},
	{"Records dropped a second, by reason", "cps",
		`sum by (reason) (rate({millstream.dropped}{$app}[$__rate_interval]))`, "{{reason}}"},
	{"Share of the workers' time, by phase", "percentunit",
		`sum by (phase) (rate({millstream.time}{$app}[$__rate_interval])) ` +
			`/ ignoring (phase) group_left sum ({millstream.workers}{$app})`, "{{phase}}"},
}

// selected is what the variables at the top of the dashboard select.
const selected = `app=~"$app",instance=~"$instance"`

// Dashboard is a dashboard for Grafana: an overview, and a panel for each metric of the table, by level.
func Dashboard() []byte {
	var l layout
	l.row("Overview")
	for _, p := range overview {
		query := strings.ReplaceAll(named(p.query), "{$app}", "{"+selected+"}")
		l.add(p.title, p.unit, target{query, p.legend, "A"})
	}
	for level := streams.ClientLevel; level <= streams.StoreLevel; level++ {
		l.row("Level: " + level.String())
		for _, m := range streams.Metrics() {
			if m.Level == level {
				l.metric(m)
			}
		}
	}
	return marshal(map[string]any{
		"title": "Millstream", "uid": "millstream", "tags": []string{"millstream"}, "schemaVersion": 39, "editable": true,
		"refresh": "30s", "time": map[string]string{"from": "now-1h", "to": "now"}, "panels": l.panels,
		"templating": map[string]any{"list": variables()},
	})
}

// metric adds the panel of one metric.
func (l *layout) metric(m streams.Metric) {
	by := append([]string{"instance"}, m.Attributes...)
	query, title := fmt.Sprintf("%s{%s}", prometheus.Name(m), selected), m.Help
	unit := map[string]string{"s": "s", "By": "bytes"}[m.Unit]
	if unit == "" {
		unit = "short"
	}
	if m.Kind == streams.MetricCounter {
		query = fmt.Sprintf("rate(%s[$__rate_interval])", query)
		title += ", a second"
		unit = map[string]string{"s": "percentunit", "bytes": "Bps", "short": "cps"}[unit]
	}
	legend := "{{" + strings.Join(by, "}} {{") + "}}"
	if m.Kind == streams.MetricHistogram {
		query = fmt.Sprintf("histogram_quantile(0.99, sum by (%s, le) (rate(%s_bucket{%s}[$__rate_interval])))",
			strings.Join(by, ", "), prometheus.Name(m), selected)
		l.add(title+", 99 of 100 at most", unit, target{query, legend, "A"})
		return
	}
	l.add(title, unit, target{fmt.Sprintf("sum by (%s) (%s)", strings.Join(by, ", "), query), legend, "A"})
}

// variables are what can be selected at the top.
func variables() []map[string]any {
	source := source{"prometheus", "${datasource}"}
	of := func(label, query string) map[string]any {
		return map[string]any{
			"name": label, "type": "query", "datasource": source, "query": query, "refresh": 2, "multi": true,
			"includeAll": true, "current": map[string]any{"text": "All", "value": "$__all"},
		}
	}
	state := name("millstream.state")
	return []map[string]any{
		{"name": "datasource", "type": "datasource", "query": "prometheus"},
		of("app", fmt.Sprintf("label_values(%s, app)", state)),
		of("instance", fmt.Sprintf(`label_values(%s{app=~"$app"}, instance)`, state)),
	}
}

func marshal(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		panic(err) // it has no value that cannot be encoded
	}
	return out.Bytes()
}

package streams

import "time"

// Connector is what carries records into other systems, or out of them, in the process of an App: a *connect.Runner or
// a *connect.SourceRunner. One that is in Config.Connectors is shown with the App, which does not run it.
type Connector interface {
	// ConnectorStatus may be called at any time, from any goroutine.
	ConnectorStatus() ConnectorStatus
}

// ConnectorStatus is what a connector has done since its start, and what it is at.
type ConnectorStatus struct {
	Name    string `json:"name"`    // its consumer group
	Kind    string `json:"kind"`    // "sink" or "source"
	Topic   string `json:"topic"`   // that it reads, or writes
	Running bool   `json:"running"` // false: it was not started, or has ended
	Records int64  `json:"records"` // that it has written
	Refused int64  `json:"refused"` // that it left out, or sent to the dead-letter topic
	Retries int64  `json:"retries"` // calls of the other system that failed and were repeated
	// Lag is how many offsets of its partitions a sink has left to write, as far as it has heard of them; an offset or two
	// of each may be markers of transactions. -1: not known, or a source.
	Lag int64 `json:"lag"`
	// Waiting is the error for which a call has been repeated for longest, or that has ended the connector; empty: none.
	Waiting      string    `json:"waiting,omitempty"`
	WaitingSince time.Time `json:"waiting_since,omitzero"`
}

// connectorStatus are those of all connectors.
func (c *Config) connectorStatus() []ConnectorStatus {
	all := []ConnectorStatus{}
	for _, of := range c.Connectors {
		all = append(all, of.ConnectorStatus())
	}
	return all
}

// ofConnectors is a metric of the client level with one value for each connector.
func ofConnectors(
	name string, kind MetricKind, unit, help string, read func(s Snapshot, c ConnectorStatus) float64,
) Metric {
	return Metric{name, kind, ClientLevel, unit, []string{"connector"}, help, func(s Snapshot, show show) {
		for _, c := range s.Connectors {
			show(read(s, c), c.Name)
		}
	}}
}

func connectorMetrics() []Metric {
	return []Metric{
		ofConnectors("millstream.connector.running", MetricGauge, "", "1 for a connector that runs, else 0",
			func(_ Snapshot, c ConnectorStatus) float64 { return truth(c.Running) }),
		ofConnectors("millstream.connector.records", MetricCounter, "{record}", "Records that the connector has written",
			func(_ Snapshot, c ConnectorStatus) float64 { return float64(c.Records) }),
		ofConnectors("millstream.connector.refused", MetricCounter, "{record}", "Records that the connector has left out",
			func(_ Snapshot, c ConnectorStatus) float64 { return float64(c.Refused) }),
		ofConnectors("millstream.connector.retries", MetricCounter, "{call}", "Calls of the connector that failed",
			func(_ Snapshot, c ConnectorStatus) float64 { return float64(c.Retries) }),
		ofConnectors("millstream.connector.lag", MetricGauge, "{offset}", "Offsets that the sink has left; -1: not known",
			func(_ Snapshot, c ConnectorStatus) float64 { return float64(c.Lag) }),
		ofConnectors("millstream.connector.wait.age", MetricGauge, "s", "How long the connector's calls have failed",
			func(s Snapshot, c ConnectorStatus) float64 { return age(s, c.WaitingSince) }),
	}
}

package servicetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"strings"
	"testing"
	"time"
)

// StartConnect starts a worker of Kafka Connect, with Debezium's connector for PostgreSQL. It ends with the test.
func StartConnect(tb testing.TB, brokers []string) *Server {
	tb.Helper()
	return start(tb, "connect", 1, "CONNECT_BOOTSTRAP="+brokers[0])
}

// CreateDebezium makes a connector that captures tables of a PostgreSQL, and returns when it runs. Its topics begin
// with the name, which is also that of the slot: lower-case letters and digits. Records are JSON without schemas,
// unless settings say otherwise.
func (s *Server) CreateDebezium(name string, pg *Server, tables string, settings map[string]string) {
	s.tb.Helper()
	at, err := neturl.Parse(pg.URL)
	if err != nil {
		s.tb.Fatal(err)
	}
	config := map[string]string{
		"connector.class":   "io.debezium.connector.postgresql.PostgresConnector",
		"plugin.name":       "pgoutput",
		"database.hostname": at.Hostname(), "database.port": at.Port(), "database.user": at.User.Username(),
		"database.password": "none", "database.dbname": strings.TrimPrefix(at.Path, "/"),
		"topic.prefix": name, "slot.name": name, "publication.name": name, "publication.autocreate.mode": "filtered",
		"table.include.list":             tables,
		"key.converter":                  "org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable":   "false",
		"value.converter":                "org.apache.kafka.connect.json.JsonConverter",
		"value.converter.schemas.enable": "false",
	}
	for key, value := range settings {
		config[key] = value
	}
	body, err := json.Marshal(map[string]any{"name": name, "config": config})
	if err != nil {
		s.tb.Fatal(err)
	}
	answer, err := http.Post(s.URL+"/connectors", "application/json", bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusCreated {
		s.tb.Fatalf("servicetest: connector %s: %s: %s", name, answer.Status, text)
	}
	for !s.runs(name) {
		time.Sleep(100 * time.Millisecond)
	}
}

// runs is true once the connector's task works; one that has failed fails the test.
func (s *Server) runs(name string) bool {
	s.tb.Helper()
	answer, err := http.Get(fmt.Sprintf("%s/connectors/%s/status", s.URL, name))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var status struct {
		Tasks []struct{ State, Trace string }
	}
	if json.NewDecoder(answer.Body).Decode(&status) != nil || len(status.Tasks) == 0 {
		return false
	}
	if t := status.Tasks[0]; t.State == "FAILED" {
		s.tb.Fatalf("servicetest: connector %s: %s", name, t.Trace)
	}
	return status.Tasks[0].State == "RUNNING"
}

package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Scenario is a scenario file.
type Scenario struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	About    string   `json:"about,omitempty"`
	Ordered  bool     `json:"ordered,omitempty"`
	Tables   []string `json:"tables,omitempty"`
	Once     []string `json:"once,omitempty"` // topics in which Kafka Streams says the same twice in a step
	Headers  bool     `json:"headers,omitempty"`
	Topology []Node   `json:"topology"`
	Steps    []Step   `json:"steps"`
	Dropped  *int64   `json:"dropped,omitempty"`
	Stores   Stores   `json:"stores,omitempty"`
}

// Stores are the rows of stores by name.
type Stores map[string][]Row

// Node is a node of a scenario's topology: the fields of all operators together.
type Node struct {
	ID         string   `json:"id,omitempty"`
	Op         string   `json:"op"`
	In         string   `json:"in,omitempty"`
	With       string   `json:"with,omitempty"`
	Ins        []string `json:"ins,omitempty"`
	Topic      string   `json:"topic,omitempty"`
	Store      string   `json:"store,omitempty"`
	Timestamp  string   `json:"timestamp,omitempty"`
	HistoryMs  *int64   `json:"historyMs,omitempty"`
	Fn         string   `json:"fn,omitempty"`
	ValueFn    string   `json:"valueFn,omitempty"`
	Pred       string   `json:"pred,omitempty"`
	Branches   []Branch `json:"branches,omitempty"`
	Default    string   `json:"default,omitempty"`
	Window     *Window  `json:"window,omitempty"`
	GraceMs    *int64   `json:"graceMs,omitempty"`
	Until      string   `json:"until,omitempty"`
	Ms         int64    `json:"ms,omitempty"`
	MaxRecords *int64   `json:"maxRecords,omitempty"`
	EveryMs    int64    `json:"everyMs,omitempty"`
	Time       string   `json:"time,omitempty"`
	TTLMs      int64    `json:"ttlMs,omitempty"`
}

// Branch is a branch of a split.
type Branch struct {
	Name string `json:"name"`
	Pred string `json:"pred"`
}

// Window is a window of an aggregation or a join.
type Window struct {
	Kind      string `json:"kind,omitempty"`
	SizeMs    int64  `json:"sizeMs,omitempty"`
	AdvanceMs int64  `json:"advanceMs,omitempty"`
	GapMs     int64  `json:"gapMs,omitempty"`
	BeforeMs  int64  `json:"beforeMs,omitempty"`
	AfterMs   int64  `json:"afterMs,omitempty"`
	GraceMs   int64  `json:"graceMs"`
}

// Step is an input, and what came out.
type Step struct {
	Pipe      *Piped   `json:"pipe,omitempty"`
	AdvanceMs *int64   `json:"advanceMs,omitempty"`
	Expect    []Result `json:"expect"`
}

// Piped is an input record.
type Piped struct {
	Topic   string      `json:"topic"`
	Key     *string     `json:"key"`
	Value   *string     `json:"value"`
	TS      int64       `json:"ts"`
	Headers [][2]string `json:"headers,omitempty"`
}

// Result is an output record. Headers is nil where the scenario does not compare them.
type Result struct {
	Topic   string       `json:"topic"`
	Key     *string      `json:"key"`
	Value   *string      `json:"value"`
	TS      int64        `json:"ts"`
	Headers *[][2]string `json:"headers,omitempty"`
}

// Row is a row of a store.
type Row struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	TS    int64  `json:"ts"`
}

// Load reads a scenario file. A field that it does not know is an error.
func Load(path string) (*Scenario, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Scenario{}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Answered is the content of the file with the answers of a run in place of those it holds; everything else is as it
// was.
func Answered(content []byte, a *Answer) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	var file map[string]any
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}
	steps, _ := file["steps"].([]any)
	for i, step := range steps {
		step.(map[string]any)["expect"] = a.Steps[i]
	}
	file["dropped"] = a.Dropped
	file["stores"] = a.Stores
	return json.MarshalIndent(file, "", " ")
}

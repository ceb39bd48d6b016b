package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/millstream-go/millstream/topology"
)

// described is a topology as topology.JSON writes it.
type described struct {
	App  string `json:"app"`
	Subs []struct {
		ID    int `json:"id"`
		Nodes []struct {
			Kind    string `json:"kind"`
			Topic   string `json:"topic"`
			Pattern string `json:"topicPattern"`
		} `json:"nodes"`
	} `json:"subTopologies"`
	Stores []topology.StoreLock `json:"stores"`
	Topics []struct {
		Name    string `json:"name"`
		Pattern bool   `json:"pattern"`
		Kind    string `json:"kind"` // source, sink or repartition
	} `json:"topics"`
}

// readDescribed reads a file, as `api/v1/topology` of inspect.Handler answers, or Topology.JSON makes.
func readDescribed(path string) (d described, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	if err = json.Unmarshal(text, &d); err == nil && (d.App == "" || len(d.Subs) == 0) {
		err = errors.New("it names no application, or no step")
	}
	if err != nil {
		return d, fmt.Errorf("%s is no topology, as Topology.JSON makes, and api/v1/topology of inspect.Handler serves: %w",
			path, err)
	}
	return d, nil
}

// topics are those of a kind, sorted, each once.
func (d described) topics(kind string) (names []string) {
	for _, t := range d.Topics {
		if t.Kind == kind && !t.Pattern {
			names = append(names, t.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// patterns are the patterns of a kind.
func (d described) patterns(kind string) (texts []string) {
	for _, t := range d.Topics {
		if t.Kind == kind && t.Pattern {
			texts = append(texts, t.Name)
		}
	}
	return texts
}

// inputs are the topics that a sub-topology reads by name.
func (d described) inputs(sub int) (names []string) {
	for _, s := range d.Subs {
		for _, n := range s.Nodes {
			if s.ID == sub && n.Kind == "source" && n.Topic != "" {
				names = append(names, n.Topic)
			}
		}
	}
	return names
}

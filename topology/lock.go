package topology

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
)

// Lock is what of a topology outlives the process: names and formats of stores and internal topics, which brokers and
// state directories remember, and what decides which partition a row lies in. Lists are in the order of names.
//
// It is meant to be a file beside the code; see Compare and testkit.AssertTopology.
type Lock struct {
	// Version says what is recorded: LockVersion. A file without one knows no windows, types and times to live.
	Version      int               `json:"version"`
	App          string            `json:"app"`
	Stores       []StoreLock       `json:"stores"`
	Repartitions []RepartitionLock `json:"repartitions"`
	Sources      []SourceLock      `json:"sources"`
	Globals      []GlobalLock      `json:"globals,omitempty"` // stores of global tables
}

// LockVersion is the version of the locks that this release makes.
const LockVersion = 2

// StoreLock is what outlives the process of a store.
type StoreLock struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Format      string `json:"format"`                // kind, key and value
	Changelog   string `json:"changelog,omitempty"`   // its topic; empty: none
	InMemory    bool   `json:"inMemory,omitempty"`    // restored from the changelog at each start
	RetentionMs int64  `json:"retentionMs,omitempty"` // of windows, from their start
	TTLMs       int64  `json:"ttlMs,omitempty"`       // of rows of a key-value store, from their timestamp
	// Windows are those whose rows the store holds, and GraceMs their grace period; see windows.Defined.
	Windows     string        `json:"windows,omitempty"`
	GraceMs     int64         `json:"graceMs,omitempty"`
	KeyTypes    []serde.Shape `json:"keyTypes,omitempty"`
	ValueTypes  []serde.Shape `json:"valueTypes,omitempty"`
	SubTopology int           `json:"subTopology"`
	// Inputs are the topics whose records reach a step that uses the store: rows lie in the partitions of those. Other
	// topics of the sub-topology are not among them.
	Inputs []string `json:"inputs"`
}

// RepartitionLock is what outlives the process of a repartition topic.
type RepartitionLock struct {
	Name       string `json:"name"` // in the cluster
	Key        string `json:"key"`
	Value      string `json:"value"`
	Partitions int32  `json:"partitions,omitempty"` // as declared; 0: as many as the topology works out
	// Partitioner is true for a topic that a function splits, in place of the hash of the keys.
	Partitioner bool `json:"partitioner,omitempty"`

	KeyTypes   []serde.Shape `json:"keyTypes,omitempty"`
	ValueTypes []serde.Shape `json:"valueTypes,omitempty"`
}

// SourceLock is what matters to stored state of a topic that is read.
type SourceLock struct {
	Name  string `json:"name"` // of a pattern: "any of" and the pattern
	Key   string `json:"key"`
	Value string `json:"value"`
	Reset string `json:"reset"` // earliest, latest, committed or past; past is followed by a duration

	KeyTypes   []serde.Shape `json:"keyTypes,omitempty"`
	ValueTypes []serde.Shape `json:"valueTypes,omitempty"`
}

// Lock is what of the topology outlives the process.
func (t *Topology) Lock() Lock {
	topo := t.of()
	l := Lock{
		Version: LockVersion, App: t.App(),
		Stores: lockStores(topo), Repartitions: []RepartitionLock{}, Sources: []SourceLock{},
		Globals: lockGlobals(topo),
	}
	for _, name := range topo.SourceTopics() {
		topic := topo.Source(name).Topic
		if topic.Repartition {
			l.Repartitions = append(l.Repartitions, RepartitionLock{
				Name: name, Key: topic.Key, Value: topic.Value, Partitions: topic.Partitions,
				Partitioner: topic.Split == graph.SplitByFunction,
				KeyTypes:    serde.ShapesOf(topic.Keys), ValueTypes: serde.ShapesOf(topic.Values),
			})
		} else {
			l.Sources = append(l.Sources, SourceLock{
				topo.Label(topic), topic.Key, topic.Value, topic.ResetText(), serde.ShapesOf(topic.Keys),
				serde.ShapesOf(topic.Values),
			})
		}
	}
	slices.SortFunc(l.Sources, func(a, b SourceLock) int { return strings.Compare(a.Name, b.Name) })
	return l
}

func lockStores(t *graph.Topology) []StoreLock {
	stores := []StoreLock{}
	for _, sub := range t.Subs() {
		for _, spec := range sub.Stores {
			o := spec.Options()
			windows, grace := sub.WindowsIn(spec.Name())
			s := StoreLock{
				Name: spec.Name(), Kind: string(spec.Kind()), Format: spec.Format(), InMemory: o.InMemory,
				RetentionMs: o.Retention.Milliseconds(), TTLMs: o.TTL.Milliseconds(),
				Windows: windows, GraceMs: grace.Milliseconds(),
				KeyTypes: serde.ShapesOf(o.Keys), ValueTypes: serde.ShapesOf(o.Values...),
				SubTopology: sub.ID, Inputs: feeding(t, sub, spec.Name()),
			}
			if !o.NoChangelog {
				s.Changelog = t.ChangelogName(s.Name)
			}
			stores = append(stores, s)
		}
	}
	slices.SortFunc(stores, func(a, b StoreLock) int { return strings.Compare(a.Name, b.Name) })
	return stores
}

// feeding are the topics whose records reach a step that uses a store, sorted.
func feeding(t *graph.Topology, sub *graph.Sub, store string) []string {
	var sources []*graph.Node
	seen := map[*graph.Node]bool{}
	for _, n := range sub.Nodes {
		if slices.Contains(storeNames(n.Stores), store) {
			sources = n.Roots(sources, seen)
		}
	}
	names := []string{}
	for _, n := range sources {
		names = append(names, t.Label(n.Topic))
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}

// JSON is the lock as a file. ParseLock reads it.
func (l Lock) JSON() ([]byte, error) { return indented(l) }

// ParseLock reads what Lock.JSON wrote. A field that it does not know is an error: a newer release has written it.
func ParseLock(text []byte) (Lock, error) {
	var l Lock
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return Lock{}, fmt.Errorf("topology: lock file: %w", err)
	}
	return l, nil
}

package testkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/streams"
)

// keptFile holds, in the directory of the databases, what brokers would have: the offsets in the databases count on it.
const keptFile = "topics.json"

// kept is what outlives a driver whose stores are in a directory, apart from the stores: topics, committed offsets, and
// the clock.
type kept struct {
	App      string
	Clock    time.Duration    // wall clock, since the epoch
	Internal map[string]int32 // partitions of repartition topics and changelogs
	Topics   map[string]keptTopic
	Offsets  []task.Offset
}

// keptTopic is the committed records of a topic: of each partition, and where each one came from in the order in which
// they arrived.
type keptTopic struct {
	Partitions map[int32][]graph.Raw
	Arrivals   []int32
}

// keep writes what the next driver on the directory needs.
func (d *Driver) keep() error {
	k := kept{App: d.base.App(), Clock: d.clock, Internal: d.internal, Topics: map[string]keptTopic{}}
	for name, logs := range d.byTopic {
		t := keptTopic{Partitions: map[int32][]graph.Raw{}}
		for _, l := range logs {
			t.Partitions[l.partition] = l.records[:l.committed]
		}
		for _, a := range d.arrivals[name] {
			if a.offset < a.log.committed {
				t.Arrivals = append(t.Arrivals, a.log.partition)
			}
		}
		k.Topics[name] = t
	}
	for _, o := range d.group {
		k.Offsets = append(k.Offsets, o)
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(d.options.dir, keptFile), text, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the test has removed the directory
	}
	return err
}

// behind tells of a directory whose databases count on records that the topics beside them do not have.
func (d *Driver) behind(l *log, offset int64) error {
	return fmt.Errorf("testkit: directory %s: the state counts on topic %s/%d up to offset %d, of which %s has %d: the "+
		"last driver on it was not closed: use another directory", d.options.dir, l.topic, l.partition, offset, keptFile,
		l.committed)
}

// bringBack takes what the last driver on the directory has left, if there was one.
func (d *Driver) bringBack() (found bool, err error) {
	text, err := os.ReadFile(filepath.Join(d.options.dir, keptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, d.checkFresh()
	}
	if err != nil {
		return false, err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil {
		return false, fmt.Errorf("%s: %w", keptFile, err)
	}
	if k.App != d.base.App() {
		return false, fmt.Errorf("testkit: directory %s has state of application %q, not of %q: use another one",
			d.options.dir, k.App, d.base.App())
	}
	d.clock, d.internal = k.Clock, k.Internal
	for name, t := range k.Topics {
		d.enter(name, t)
	}
	for _, o := range k.Offsets {
		d.group[partition{o.Topic, o.Partition}] = o
	}
	return true, nil
}

// enter makes the logs of a topic.
func (d *Driver) enter(name string, t keptTopic) {
	for p, records := range t.Partitions {
		l := d.log(name, p)
		l.records, l.committed = records, len(records)
	}
	next := map[int32]int{}
	for _, p := range t.Arrivals {
		d.arrivals[name] = append(d.arrivals[name], arrival{d.log(name, p), next[p]})
		next[p]++
	}
}

// checkFresh wants a directory without databases, as the topics that they belong to are gone.
func (d *Driver) checkFresh() error {
	entries, err := os.ReadDir(d.options.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		_, notTask := graph.ParseTaskID(e.Name())
		if e.IsDir() && (notTask == nil || e.Name() == (streams.TaskID{Sub: graph.GlobalSub}).String()) {
			return fmt.Errorf("testkit: directory %s has state, but no %s with the topics that belong to it: a driver "+
				"leaves it there when it is closed", d.options.dir, keptFile)
		}
	}
	return err
}

// checkKept wants topics to have at least the partitions that they had, and internal topics as many.
func (d *Driver) checkKept(topo *graph.Topology, counts *graph.Partitions) error {
	for name, logs := range d.byTopic {
		if _, internal := d.internal[name]; internal {
			continue
		}
		had := int32(0)
		for _, l := range logs {
			had = max(had, l.partition+1)
		}
		if n := d.externalPartitions(name); n > 0 && had > n {
			return fmt.Errorf("testkit: topic %q has %d partitions from an earlier driver, not %d", name, had, n)
		}
	}
	internal := internalTopics(topo, counts)
	for topic, n := range internal {
		if have := d.internal[topic]; have != 0 && have != n {
			return cluster.OtherPartitions(topic, have, fmt.Sprint(n))
		}
	}
	if d.internal == nil {
		d.internal = map[string]int32{}
	}
	maps.Copy(d.internal, internal)
	return nil
}

// internalTopics are the repartition topics and changelogs of a topology, with their numbers of partitions.
func internalTopics(topo *graph.Topology, counts *graph.Partitions) map[string]int32 {
	out := map[string]int32{}
	for topic, n := range counts.Topics {
		if topo.IsRepartition(topic) {
			out[topic] = n
		}
	}
	for _, sub := range topo.Subs() {
		for _, spec := range sub.Stores {
			if !spec.Options().NoChangelog && counts.Tasks[sub.ID] > 0 {
				out[topo.ChangelogName(spec.Name())] = counts.Tasks[sub.ID]
			}
		}
	}
	return out
}

package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// compareStores is an error if the rows of a task differ from those of its changelogs, read from their starts. All
// instances have ended. A directory that others have gone on from is left out, but each task has one that is not.
func (s *simulation) compareStores() error {
	logs, err := s.read(s.changelogs())
	if err != nil {
		return err
	}
	topo := s.running()
	partitions := map[string]int32{}
	for _, topic := range append(topo.SourceTopics(), s.changelogs()...) {
		partitions[topic] = int32(len(s.fake.PartitionInfos(topic)))
	}
	for _, sub := range topo.Subs() {
		if !logged(sub) {
			continue
		}
		n := int32(0)
		for _, topic := range topo.Inputs(sub) {
			n = max(n, partitions[topic])
		}
		for p := range n {
			if err := s.compareTask(topo, streams.TaskID{Sub: sub.ID, Partition: p}, partitions, logs); err != nil {
				return fmt.Errorf("task %d_%d: %w", sub.ID, p, err)
			}
		}
	}
	return nil
}

// logged is true if all stores of a sub-topology have changelogs, and one has.
func logged(sub *graph.Sub) bool {
	for _, spec := range sub.Stores {
		if spec.Options().NoChangelog || spec.Options().InMemory {
			return false
		}
	}
	return len(sub.Stores) > 0
}

func (s *simulation) compareTask(
	topo *graph.Topology, id streams.TaskID, partitions map[string]int32, logs map[string][]*kgo.Record,
) error {
	found, committed := 0, s.committed(id.Partition)
	var differs error
	for _, i := range s.instances {
		if i.disk == nil {
			continue
		}
		engine, err := i.disk.find(filepath.Join(i.disk.dir, s.app(), id.String()))
		if errors.Is(err, store.ErrCorrupt) {
			continue // nobody has opened it since it was damaged
		}
		if err != nil {
			return fmt.Errorf("instance %d: %w", i.index, err)
		}
		if engine == nil {
			continue
		}
		current, err := compareRows(engine, func(e state.Engine) (*task.Task, error) {
			t, err := makeTask(topo, id, partitions, e)
			if err == nil {
				t.ReadFences(committed)
			}
			return t, err
		}, logs)
		if err = errors.Join(err, engine.Close()); err != nil {
			differs = errors.Join(differs, fmt.Errorf("instance %d: %w", i.index, err))
			continue
		}
		if current {
			found++
		}
	}
	switch {
	case differs != nil && (found == 0 || !s.consented): // else it is one of a changelog that is no more
		return differs
	case found == 0:
		return errors.New("no directory has come to the ends of the changelogs")
	}
	return nil
}

// committed is what the group has committed of a partition of each topic.
func (s *simulation) committed(partition int32) map[string]task.Committed {
	out := map[string]task.Committed{}
	if info := s.fake.GroupInfo(s.app()); info != nil {
		for topic, partitions := range info.Commits {
			out[topic] = task.Committed{Metadata: partitions[partition].Metadata}
		}
	}
	return out
}

// compareRows is an error if a database at the end of its changelogs differs from them; current is false if it is not
// there. What comes behind it in a changelog may be what no reader takes, from a former owner.
func compareRows(
	engine state.Engine, open func(state.Engine) (*task.Task, error), logs map[string][]*kgo.Record,
) (current bool, err error) {
	mine, err := open(engine)
	if err != nil {
		return false, err
	}
	whole, upToHere := store.OpenMemory(), store.OpenMemory()
	all, err := open(whole)
	if err != nil {
		return false, err
	}
	some, err := open(upToHere)
	if err != nil {
		return false, err
	}
	for i, c := range mine.Changelogs() {
		records, next := raws(logs[c.Topic], c.Partition)
		if err := all.Changelogs()[i].Restore(records, next); err != nil {
			return false, err
		}
		n := 0
		for n < len(records) && records[n].Offset < c.From() {
			n++
		}
		if err := some.Changelogs()[i].Restore(records[:n], c.From()); err != nil {
			return false, err
		}
	}
	if sameRows(upToHere, whole, func(string) bool { return false }) != nil {
		return false, nil
	}
	return true, sameRows(engine, whole, func(key string) bool { return expiring(mine, key) })
}

// makeTask is a task on a database, which does not run.
func makeTask(
	topo *graph.Topology, id streams.TaskID, partitions map[string]int32, engine state.Engine,
) (*task.Task, error) {
	set := task.NewSet(topo, task.Config{
		Partitions: partitions, Buffer: 1, Budget: storage.NewBudget(1 << 20), Drops: &task.Drops{},
		Logger: slog.New(slog.DiscardHandler),
	}, 0)
	return set.Make(id, &task.Engines{Disk: engine})
}

// raws are the records of a partition, with the offset behind the last.
func raws(records []*kgo.Record, partition int32) (out []graph.Raw, next int64) {
	for _, r := range records {
		if r.Partition != partition {
			continue
		}
		raw := graph.Raw{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli(), Offset: r.Offset}
		for _, h := range r.Headers {
			raw.Headers = append(raw.Headers, streams.Header(h))
		}
		out, next = append(out, raw), r.Offset+1
	}
	return out, next
}

// expires is true if stores of a sub-topology drop rows by time, of which their changelogs know nothing.
func expires(sub *graph.Sub) bool {
	return slices.ContainsFunc(sub.Stores, storage.Expires)
}

// expiring is true for a row of a store that drops rows by time.
func expiring(t *task.Task, key string) bool {
	return slices.ContainsFunc(t.Changelogs(), func(c *task.Changelog) bool {
		return c.Expires() && strings.HasPrefix(key, string(c.Prefix()))
	})
}

// sameRows compares all rows of stores, which both databases have under the same numbers. Of rows that expire the
// replay may have more, or less: brokers delete by time, too.
func sameRows(have, want state.Engine, expires func(key string) bool) error {
	rows, err := allRows(have)
	if err != nil {
		return err
	}
	replayed, err := allRows(want)
	if err != nil {
		return err
	}
	for key, value := range replayed {
		is, ok := rows[key]
		if !ok && !expires(key) {
			return fmt.Errorf("the store lacks row %q, which its changelog has as %q", key, value)
		}
		if ok && is != value {
			return fmt.Errorf("the store has row %q as %q, its changelog as %q", key, is, value)
		}
		delete(rows, key)
	}
	for key, value := range rows {
		if expires(key) {
			continue
		}
		return fmt.Errorf("the store has row %q as %q, which its changelog lacks", key, value)
	}
	return nil
}

func allRows(e state.Engine) (map[string]string, error) {
	it, err := e.Scan([]byte{1}, nil, false)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{}
	for it.Next() {
		rows[string(it.Key())] = string(it.Value())
	}
	return rows, it.Close()
}

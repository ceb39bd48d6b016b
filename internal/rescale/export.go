package rescale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/snapshot"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/topology"
)

// internalTopics are the changelogs and repartition topics of an application.
func internalTopics(lock topology.Lock) (out []Topic) {
	for _, s := range lock.Stores {
		if s.Changelog != "" {
			out = append(out, Topic{Name: s.Changelog, Store: s.Name})
		}
	}
	for _, r := range lock.Repartitions {
		out = append(out, Topic{Name: r.Name})
	}
	return out
}

// Export writes the committed state of an application that does not run into files. Of the request it needs Lock and
// Connect.
func Export(ctx context.Context, r Request, dir string) (h snapshot.Head, err error) {
	j, end, err := open(r)
	if err != nil {
		return h, err
	}
	defer end()
	j.plan = &Plan{App: r.Lock.App, Began: time.Now().UnixMilli()}
	if err := j.nobody(ctx); err != nil {
		return h, err
	}
	if j.plan.Offsets, err = j.committed(ctx); err != nil {
		return h, err
	}
	w, err := snapshot.Create(dir)
	if err != nil {
		return h, &DeclinedError{err.Error()}
	}
	h = snapshot.Head{App: r.Lock.App, Taken: j.plan.Began}
	for _, t := range internalTopics(r.Lock) {
		found, err := partitionsOf(ctx, j.admin, t.Name)
		if err != nil {
			return h, err
		}
		t.From = int32(len(found[t.Name].Partitions))
		if t.From == 0 {
			return h, declined("topic %s does not exist: is the lock file that of what has run?", t.Name)
		}
		if t.Configs, err = configsOf(ctx, j.admin, t.Name); err != nil {
			return h, err
		}
		j.Say("exporting %s", t.Name)
		var d Digest
		if err := w.Topic(t.Name, func(put func(snapshot.Row) error) error {
			return j.rows(ctx, &t, func(r row) error {
				d.add(r)
				return put(rowIn(r))
			})
		}); err != nil {
			return h, err
		}
		h.Topics = append(h.Topics, topicIn(t, r.Lock, d))
	}
	for _, o := range j.plan.Offsets {
		h.Offsets = append(h.Offsets, snapshot.Offset{
			Topic: o.Topic, Partition: o.Partition, Offset: o.At, Metadata: withoutFences(o.Metadata),
		})
	}
	if err := errors.Join(j.nobody(ctx), j.asPlanned(ctx)); err != nil {
		return h, err
	}
	return h, w.Close(h)
}

func topicIn(t Topic, lock topology.Lock, d Digest) snapshot.Topic {
	out := snapshot.Topic{
		Name: t.Name, Store: t.Store, Partitions: t.From, Configs: t.Configs, Rows: d.Rows, Sum: d.String(),
	}
	if s := storeOf(lock, t.Name); s != nil {
		out.Format = s.Format
	}
	return out
}

func rowIn(r row) snapshot.Row {
	out := snapshot.Row{Partition: r.partition, Key: r.key, Value: r.value, Time: r.at}
	for _, h := range r.headers {
		out.Headers = append(out.Headers, snapshot.Header(h))
	}
	return out
}

func rowFrom(r snapshot.Row) row {
	out := row{partition: r.Partition, key: r.Key, value: r.Value, at: r.Time}
	for _, h := range r.Headers {
		out.headers = append(out.headers, kgo.RecordHeader(h))
	}
	return out
}

// withoutFences is metadata as it means something beside other changelogs.
func withoutFences(metadata string) string {
	m := graph.DecodeMetadata(metadata)
	maps.DeleteFunc(m.Times, func(name string, _ int64) bool { return task.IsFence(name) })
	return m.Encode()
}

// Place is where an import has the inputs go on.
type Place string

// The places.
const (
	AtSame  Place = "same"  // at the offsets of the snapshot: the topics are the same ones, or copies with their offsets
	AtStart Place = "start" // at the start of the topics
	AtEnd   Place = "end"   // at their end
)

// Import writes a snapshot into a cluster in which the application has no state, and gives its group offsets. The
// inputs must be there, with as many partitions as in the snapshot.
// With replace, internal topics that are there already are made anew: those of an import that was broken off.
func Import(ctx context.Context, r Request, dir string, place Place, replace bool) (h snapshot.Head, err error) {
	if h, err = snapshot.Open(dir); err != nil {
		return h, &DeclinedError{err.Error()}
	}
	if h.App != r.Lock.App {
		return h, declined("snapshot %s is of application %s, not of %s", dir, h.App, r.Lock.App)
	}
	j, end, err := open(r)
	if err != nil {
		return h, err
	}
	defer end()
	j.plan = &Plan{App: r.Lock.App, Began: time.Now().UnixMilli()}
	return h, j.alone(ctx, func(ctx context.Context) error { return j.imports(ctx, h, dir, place, replace) })
}

func (j *job) imports(ctx context.Context, h snapshot.Head, dir string, place Place, replace bool) error {
	offsets, err := j.importable(ctx, h, place)
	if err == nil && !replace {
		err = j.noTopics(ctx, h)
	}
	if err != nil {
		return err
	}
	for _, t := range h.Topics {
		j.Say("importing %s", t.Name)
		if err := j.importTopic(ctx, t, dir); err != nil {
			return err
		}
	}
	return j.commitOffsets(ctx, offsets)
}

// importable is an error if the snapshot does not fit the lock file or the cluster; else it gives the offsets.
func (j *job) importable(ctx context.Context, h snapshot.Head, place Place) (offsets []Offset, err error) {
	if err := j.nobody(ctx); err != nil {
		return nil, err
	}
	if had, err := j.unmarked(ctx); err != nil || len(had) > 0 {
		return nil, orDeclined(err, "%s has committed offsets in this cluster: set it back first (millstream reset), or "+
			"import under another application id", j.Lock.App)
	}
	for _, t := range internalTopics(j.Lock) {
		i := slices.IndexFunc(h.Topics, func(o snapshot.Topic) bool { return o.Name == t.Name })
		if i < 0 {
			return nil, declined("the snapshot has no topic %s, which the lock file names", t.Name)
		}
		if s := storeOf(j.Lock, t.Name); s != nil && s.Format != h.Topics[i].Format {
			return nil, declined("store %s is %s in the snapshot, and %s in the lock file", s.Name, h.Topics[i].Format, s.Format)
		}
	}
	own := map[string]bool{}
	for _, t := range internalTopics(j.Lock) {
		own[t.Name] = true
	}
	for _, t := range h.Topics { // with replace they are deleted: only what is the application's may be
		if !own[t.Name] {
			return nil, declined("the snapshot has topic %s, which the lock file does not name: import it with the lock file "+
				"of the version that was exported", t.Name)
		}
	}
	spans := map[string]map[int32]span{}
	for _, o := range h.Offsets {
		at := Offset{Topic: o.Topic, Partition: o.Partition, Epoch: -1}
		if !own[o.Topic] {
			if spans[o.Topic] == nil {
				found, err := ends(ctx, j.admin, j.Wait, o.Topic)
				if err != nil {
					return nil, err
				}
				spans[o.Topic] = found[o.Topic]
			}
			if at.At, err = offsetAt(o, spans[o.Topic], place); err != nil {
				return nil, err
			}
		}
		m := graph.DecodeMetadata(o.Metadata)
		if _, ok := m.Times[task.OffsetTime]; ok {
			m.Times[task.OffsetTime] = at.At
		}
		if m.Times == nil {
			m.Times = map[string]int64{}
		}
		m.Times[task.RescaledKey] = j.plan.Began // directories of before are set aside
		at.Metadata = m.Encode()
		offsets = append(offsets, at)
	}
	return offsets, nil
}

// noTopics is an error if topics of the snapshot are there already.
func (j *job) noTopics(ctx context.Context, h snapshot.Head) error {
	var names []string
	for _, t := range h.Topics {
		names = append(names, t.Name)
	}
	found, err := partitionsOf(ctx, j.admin, names...)
	if err != nil || len(found) == 0 {
		return err
	}
	return declined("there are topics %s: if they are those of an import that was broken off, say so (--replace); if "+
		"not, the application had state here", strings.Join(slices.Sorted(maps.Keys(found)), ", "))
}

func offsetAt(o snapshot.Offset, spans map[int32]span, place Place) (int64, error) {
	s, ok := spans[o.Partition]
	switch {
	case !ok:
		return 0, declined("topic %s has no partition %d here, and in the snapshot it had: change the number of partitions "+
			"before the export, or give the topic as many", o.Topic, o.Partition)
	case place == AtStart:
		return s.from, nil
	case place == AtEnd:
		return s.to, nil
	case o.Offset < s.from || o.Offset > s.to:
		return 0, declined("topic %s/%d has offsets %d to %d here, and in the snapshot it was read to %d: it is not the "+
			"same topic: say where it is read from (--inputs start or end)", o.Topic, o.Partition, s.from, s.to, o.Offset)
	}
	return o.Offset, nil
}

// importTopic makes a topic of its rows.
func (j *job) importTopic(ctx context.Context, t snapshot.Topic, dir string) error {
	if err := recreate(ctx, j.admin, t.Name, t.Partitions, -1, kept(t.Configs)); err != nil {
		return err
	}
	plain := placing{topic: t.Name}
	as := &Topic{Name: t.Name, Configs: t.Configs}
	_, err := j.copyTo(ctx, t.Name, as, plain, func(show func(row) error) error {
		return snapshot.Rows(dir, t.Name, func(r snapshot.Row) error {
			if r.Partition < 0 || r.Partition >= t.Partitions {
				return fmt.Errorf("%s.rows has a row of partition %d of %d", t.Name, r.Partition, t.Partitions)
			}
			return show(rowFrom(r))
		})
	}, func(r row) (int32, row, error) { return r.partition, r, nil })
	if err != nil {
		return err
	}
	found, err := j.digestOf(ctx, t.Name, plain)
	if err != nil {
		return err
	}
	if found.String() != t.Sum {
		return fmt.Errorf("topic %s has %v now, and the snapshot %s: the files are damaged, or somebody writes to the topic",
			t.Name, found, t.Sum)
	}
	return settle(ctx, j.admin, t.Name, t.Configs)
}

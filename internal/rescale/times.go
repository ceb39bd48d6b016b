package rescale

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// The stream time of a new partition, and of its stores, is the highest of those that its keys come from: what was late
// stays late. Where these differ, some windows are closed by it whose results are not out yet. They come out when the
// application starts, as the commit tells up to where all of them were, see task.OwnTime. Windows that are out already
// for some keys are left out of the changelogs: they would come out once more, and no record can change them.
//
// Where the new number of partitions is a multiple of the old one, each has one source and nothing differs.

// ownTimes are the times of a store with windows by partition of the old layout.
func (j *job) ownTimes(store string) map[int32]int64 {
	out := map[int32]int64{}
	for _, o := range j.plan.Offsets {
		if at, ok := graph.DecodeMetadata(o.Metadata).Times[task.OwnTime(store)]; ok {
			out[o.Partition] = max(out[o.Partition], at)
		}
	}
	return out
}

// anywhere is true if some rows are placed by functions.
func (j *job) anywhere() bool { return len(j.Mappings) > 0 }

// span of the times of the partitions that the keys of one come from; ok is false if none has any.
func (j *job) timesFor(times map[int32]int64, t *Topic, partition int32) (low, high int64, ok bool) {
	for _, p := range sources(partition, t.From, t.To, j.anywhere()) {
		at, has := times[p]
		switch {
		case !has:
		case !ok:
			low, high, ok = at, at, true
		default:
			low, high = min(low, at), max(high, at)
		}
	}
	return low, high, ok
}

// isOut is true for a window whose result is out, and would come out again.
func (j *job) isOut(t *Topic, r row) bool {
	s := storeOf(j.Lock, t.Name)
	if s == nil || s.Windows == "" {
		return false
	}
	closed, ok := closedOf(*s)
	if !ok {
		return false
	}
	times := j.ownTimes(s.Name)
	own, has := times[r.partition]
	place := j.placing(t)
	partition, err := place.partition(r, t.To)
	low, _, _ := j.timesFor(times, t, partition)
	if err != nil || !has || own <= low {
		return false
	}
	var at int64
	switch state.Kind(s.Kind) {
	case storage.KindWindow:
		_, at, _, err = wire.SplitChangelogKey(r.key)
	case storage.KindSession:
		_, at, _, err = wire.SplitSessionKey(r.key)
	default:
		return false
	}
	return err == nil && closed(low) <= at && at < closed(own)
}

// closedOf tells the lowest start of the windows of a store, or the lowest end of its sessions, that may be open at a
// stream time; ok is false where that does not follow from the lock file.
func closedOf(s topology.StoreLock) (closed func(streamTime int64) int64, ok bool) {
	kind, rest, _ := strings.Cut(strings.TrimSuffix(s.Windows, ")"), "(")
	first, _, _ := strings.Cut(rest, ",")
	length, err := time.ParseDuration(strings.TrimPrefix(first, "gap "))
	if err != nil {
		return nil, false
	}
	keep := length.Milliseconds() + s.GraceMs
	switch kind {
	case "tumbling", "hopping":
		keep-- // the end is not part of the window
	case "sliding", "session":
	default:
		return nil, false
	}
	return func(streamTime int64) int64 { return max(0, streamTime-keep) }, true
}

// checkTimes notes where partitions with different times become one.
func (j *job) checkTimes() error {
	for i := range j.plan.Topics {
		t := &j.plan.Topics[i]
		s := storeOf(j.Lock, t.Name)
		if s == nil {
			continue
		}
		times := j.ownTimes(s.Name)
		for q := range t.To {
			low, high, ok := j.timesFor(times, t, q)
			if !ok || low == high {
				continue
			}
			if _, known := closedOf(*s); !known && s.Windows != "" && !strings.HasPrefix(s.Windows, "unlimited") {
				return declined("store %s: the partitions %v become one and have different stream times (%s and %s), and it does "+
					"not follow from the lock file which windows (%s) are closed: take a multiple of %d partitions", s.Name,
					sources(q, t.From, t.To, j.anywhere()), stamp(low), stamp(high), s.Windows, t.From)
			}
			j.plan.Notes = append(j.plan.Notes, fmt.Sprintf("store %s: partitions %v become one; their stream times are %s "+
				"to %s, and %s holds from now on: earlier records are late by it", s.Name,
				sources(q, t.From, t.To, j.anywhere()), stamp(low), stamp(high), stamp(high)))
			break
		}
	}
	return nil
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// newOffsets are those of all partitions in the new layout.
func (j *job) newOffsets(starts map[string]map[int32]span) (out []Offset) {
	for _, topic := range j.topicsRead() {
		from, to, anew := j.readAs(topic)
		for q := range to {
			o := Offset{Topic: topic, Partition: q, At: starts[topic][q].from, Epoch: -1}
			m := graph.Metadata{PartitionTime: -1, Times: map[string]int64{}}
			for _, old := range j.plan.Offsets {
				if old.Topic != topic {
					continue
				}
				if old.Partition == q && !anew {
					o.At, o.Epoch = old.At, old.Epoch
				}
				if slices.Contains(sources(q, from, to, j.anywhere()), old.Partition) {
					m.PartitionTime = max(m.PartitionTime, graph.DecodeMetadata(old.Metadata).PartitionTime)
				}
			}
			j.addTimes(m.Times, topic, q, o.At)
			o.Metadata = m.Encode()
			out = append(out, o)
		}
	}
	return out
}

// topicsRead are the topics that the group has offsets in.
func (j *job) topicsRead() (out []string) {
	for _, o := range j.plan.Offsets {
		if !slices.Contains(out, o.Topic) {
			out = append(out, o.Topic)
		}
	}
	slices.Sort(out)
	return out
}

// readAs is how many partitions of a topic were read and are to be; anew is true for one that has been made anew.
func (j *job) readAs(topic string) (from, to int32, anew bool) {
	if in := j.plan.input(topic); in != nil {
		return in.From, in.To, false
	}
	if t := j.plan.topic(topic); t != nil {
		return t.From, t.To, true
	}
	for _, o := range j.plan.Offsets {
		if o.Topic == topic {
			from = max(from, o.Partition+1)
		}
	}
	return from, from, false
}

// addTimes enters the times that are committed with an offset of a topic.
func (j *job) addTimes(times map[string]int64, topic string, partition int32, offset int64) {
	times[task.RescaledKey] = j.plan.Began
	for _, old := range j.plan.Offsets {
		if old.Topic != topic {
			continue
		}
		for name, at := range graph.DecodeMetadata(old.Metadata).Times {
			switch {
			case name == task.RescaledKey:
			case task.IsFence(name): // what they cover is gone, but epochs go on: who was given up may still write
				times[task.BareFence] = max(times[task.BareFence], at)
			case name == task.OffsetTime:
				times[name] = offset
			case name == "": // to which time was set back
				times[name] = max(times[name], at)
			default:
				j.addTime(times, name, partition)
			}
		}
	}
}

// addTime enters the time that a store has under a name.
func (j *job) addTime(times map[string]int64, name string, partition int32) {
	all := map[int32]int64{}
	for _, o := range j.plan.Offsets {
		if at, ok := graph.DecodeMetadata(o.Metadata).Times[name]; ok {
			all[o.Partition] = max(all[o.Partition], at)
		}
	}
	store := strings.TrimPrefix(name, task.OwnTime(""))
	layout := j.ofStoreOrSame(store, all)
	_, high, ok := j.timesFor(all, layout, partition)
	if !ok {
		return
	}
	times[name] = high
	s := storeNamed(j.Lock, store)
	if s == nil || s.Windows == "" || name != store {
		return
	}
	if low, _, ok := j.timesFor(j.ownTimes(store), layout, partition); ok {
		times[name] = max(0, low-s.GraceMs) // up to where all results are out
	}
}

// ofStoreOrSame is the change of a store's layout, or one that changes nothing.
func (j *job) ofStoreOrSame(store string, times map[int32]int64) *Topic {
	if t := j.plan.ofStore(store); t != nil {
		return t
	}
	var n int32 = 1
	for p := range times {
		n = max(n, p+1)
	}
	return &Topic{From: n, To: n}
}

func storeNamed(lock topology.Lock, name string) *topology.StoreLock {
	for i := range lock.Stores {
		if lock.Stores[i].Name == name {
			return &lock.Stores[i]
		}
	}
	return nil
}

// oldOffsets are those that the group had. Topics that have been made anew begin at their start, and directories of
// before are older than them.
func (j *job) oldOffsets() (out []Offset) {
	anew := slices.ContainsFunc(j.plan.Topics, func(t Topic) bool {
		return t.State == stateReplaced || t.State == stateRewritten
	})
	now := after(j.plan.Offsets)
	for _, o := range j.plan.Offsets {
		if t := j.plan.topic(o.Topic); t != nil && t.State != stateSaved && t.State != "" {
			o.At, o.Epoch = 0, -1
		}
		if anew {
			m := graph.DecodeMetadata(o.Metadata)
			if m.Times == nil {
				m.Times = map[string]int64{}
			}
			epoch := int64(0)
			maps.DeleteFunc(m.Times, func(name string, at int64) bool {
				if task.IsFence(name) {
					epoch = max(epoch, at)
				}
				return task.IsFence(name)
			})
			if epoch > 0 {
				m.Times[task.BareFence] = epoch
			}
			if _, ok := m.Times[task.OffsetTime]; ok {
				m.Times[task.OffsetTime] = o.At
			}
			m.Times[task.RescaledKey] = now
			o.Metadata = m.Encode()
		}
		out = append(out, o)
	}
	return out
}

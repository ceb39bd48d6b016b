package task

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
)

// The metadata of a commit has the times of stores by name. Under the name of a store with windows Kafka Streams keeps
// what it has emitted on close: the highest time at which windows had ended whose results are out, which is stream time
// less the grace. So it is there, for a Java application that goes on from the commit; the store's own time is under
// another name beside it.
//
// Kafka Streams hands on what it does not know as it was. So a commit also has the offset that it was made with: where
// that is another one, others have committed since, and our times are old.
const (
	ownKey    = "millstream:" // and the store's name
	offsetKey = "millstream"
)

// Two more names are those of a change of partitions, see package rescale. RescaledKey is the time of the last one, in
// milliseconds: a directory of before lies in another layout. RescalingKey is there while one is under way: nobody may
// start.
const (
	RescaledKey  = "millstream-rescaled"
	RescalingKey = "millstream-rescaling"
)

// timesToCommit are the times of the task's stores for a commit, in a map that no other commit has any more.
func (t *Task) timesToCommit() map[string]int64 {
	times := t.spareTimes
	if clear(times); times == nil {
		times = map[string]int64{}
	}
	t.spareTimes = nil
	for i, s := range t.stores {
		at, ok := s.Time()
		if !ok || at < 0 {
			continue
		}
		if grace, windows := t.graceOf(t.sub.Stores[i]); windows {
			times[ownKey+s.Name()] = at
			if at -= grace; at < 0 {
				continue
			}
		}
		times[s.Name()] = at
	}
	if t.timeBack > 0 {
		times[timeBackKey] = t.timeBack
	}
	if t.rescaled > 0 {
		times[RescaledKey] = t.rescaled
	}
	if t.commits > 0 {
		times[commitsKey] = t.commits
	}
	switch {
	case t.epoch > 0:
		times[t.fence] = int64(t.epoch)
	case t.kept > 0 && !t.config.Epochs:
		times[t.fence], times[keptKey] = int64(t.kept), int64(t.kept)
	}
	return times
}

// graceOf is the grace period of the windows of a store, in milliseconds; windows is false if it has none.
func (t *Task) graceOf(spec storage.Spec) (grace int64, windows bool) {
	if k := spec.Kind(); k != storage.KindWindow && k != storage.KindSession {
		return 0, false
	}
	for _, n := range t.sub.Nodes {
		for _, s := range n.Stores {
			if s.Name() == spec.Name() {
				grace = max(grace, n.Grace.Milliseconds())
			}
		}
	}
	return grace, true
}

// metadataWith is that of an input's commit with the times of the task's stores. The map is the caller's alone, and as
// before when the call returns: a copy for each input of each commit would be garbage.
func (in *Input) metadataWith(times map[string]int64) string {
	times[offsetKey] = in.position
	text := graph.Metadata{PartitionTime: in.time, Times: times}.Encode()
	delete(times, offsetKey)
	return text
}

// storeTimes are the times of the task's stores that commits tell, by name. Where others than this library have
// committed, those of stores with windows follow from what these have told: the windows that they had emitted on close,
// or else the highest time of a record, up to which a suppress lets results out.
//
// Where tasks with different times have become one, the store has the highest, and results are out up to the lowest
// only: times has that, and due the other.
func (t *Task) storeTimes(committed map[string]Committed) (times, due map[string]int64) {
	all, stale, latest := map[string]int64{}, false, int64(-1)
	for _, in := range t.inputs {
		c := committed[in.Topic]
		m := graph.DecodeMetadata(c.Metadata)
		latest = max(latest, m.PartitionTime)
		at, known := m.Times[offsetKey]
		stale = stale || m.PartitionTime >= 0 && (!known || at != c.Offset)
		for name, at := range m.Times {
			all[name] = max(all[name], at)
		}
	}
	times, due = map[string]int64{}, map[string]int64{}
	for _, spec := range t.sub.Stores {
		name := spec.Name()
		grace, windows := t.graceOf(spec)
		closed, told := all[name]
		own, was := all[ownKey+name]
		switch {
		case !windows || !stale && !was:
			if told {
				times[name] = closed
			}
		case !stale && told && closed < own-grace:
			times[name], due[name] = closed+grace, own
		case !stale:
			times[name] = own
		case told && (!was || closed != own-grace):
			times[name] = closed + grace
		case latest >= 0:
			times[name] = latest
		}
	}
	return times, due
}

// rescaledAt is when the partitions of what committed metadata belongs to were last changed; 0: never.
func rescaledAt(metadata string) int64 { return graph.DecodeMetadata(metadata).Times[RescaledKey] }

// timeIn is the time of a store in metadata that this library has written.
func timeIn(m graph.Metadata, store string) (at int64, ok bool) {
	if at, ok = m.Times[ownKey+store]; !ok {
		at, ok = m.Times[store]
	}
	return at, ok
}

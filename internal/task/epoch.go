package task

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/wire"
)

// An epoch is one run of a task by one owner, at least once. Nothing takes back what a process writes that was given
// up, so records of a changelog tell the epoch in which they were written. A task's epochs rise: an owner takes one
// above all that it has heard of, and commits it with the offsets of the group, which refuses those of former owners,
// before it writes to a changelog.
//
// With the epoch it commits, as a fence, the offset of each changelog up to which it has read. What comes behind that
// from an earlier epoch the owner does not know, and no reader may take it; nor what comes behind a record of a later
// epoch. Records without an epoch, of exactly once, of Kafka Streams and of earlier versions, are always taken.
//
// A commit is not made before the log is mended, see Changelog.find: for each key the last record is that of the owner.
// So a commit needs the fence of its own epoch alone. Until its first one, an owner leaves those before it where they
// are.
type fence struct {
	epoch   int32
	offsets map[uint32]int64 // by storeHash
}

// fenceKey begins what a fence is called among the times of a commit, which Kafka Streams hands on: no store has that
// name. Its offsets follow, and the value is the epoch.
const fenceKey = "millstream@"

// storeHash is what an offset of a fence is found by: metadata has little room.
func storeHash(store string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(store))
	return h.Sum32()
}

// name is what the fence is called in metadata.
func (f fence) name() string {
	var b []byte
	hashes := make([]uint32, 0, len(f.offsets))
	for h := range f.offsets {
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	for _, h := range hashes {
		b = binary.AppendUvarint(binary.BigEndian.AppendUint32(b, h), uint64(f.offsets[h]))
	}
	return fenceKey + base64.RawURLEncoding.EncodeToString(b)
}

// fenceNamed is the fence that has a name; ok is false if that is of something else.
func fenceNamed(name string, epoch int64) (f fence, ok bool) {
	text, ok := strings.CutPrefix(name, fenceKey)
	if !ok || epoch <= 0 || epoch > 1<<31-1 {
		return f, false
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return f, false
	}
	f = fence{epoch: int32(epoch), offsets: map[uint32]int64{}}
	for len(b) > 4 {
		offset, n := binary.Uvarint(b[4:])
		if n <= 0 || offset > 1<<62 {
			return f, false
		}
		f.offsets[binary.BigEndian.Uint32(b)] = int64(offset)
		b = b[4+n:]
	}
	return f, len(b) == 0
}

// ReadFences takes the fences that committed metadata tells, by input topic. It must be called before changelogs are
// restored; Judge does.
func (t *Task) ReadFences(committed map[string]Committed) {
	t.fences, t.kept = nil, 0
	known := map[string]int64{} // all inputs tell the same ones
	for _, c := range committed {
		times := graph.DecodeMetadata(c.Metadata).Times
		t.kept = max(t.kept, int32(times[keptKey]))
		for name, epoch := range times {
			if f, ok := fenceNamed(name, epoch); ok && known[name] != epoch {
				t.fences, known[name] = append(t.fences, f), epoch
			}
		}
	}
}

// beginEpoch gives the task an epoch of its own. The offsets, from which it goes on, are to be committed with it before
// anything is written to a changelog.
func (t *Task) beginEpoch() (offsets []Offset) {
	own := t.fenceHere()
	t.epoch, t.fence = own.epoch, own.name()
	for _, c := range t.logged() {
		c.enterEpoch(own.epoch)
	}
	for _, in := range t.inputs {
		m := graph.DecodeMetadata(in.metadata)
		if m.Times == nil {
			m.Times = map[string]int64{}
		}
		if at, known := m.Times[offsetKey]; known && at == in.committed {
			m.Times[offsetKey] = in.from
		}
		keepFences(m.Times, t.fence, t.fenceRoom())
		m.Times[t.fence] = int64(own.epoch)
		in.metadata = m.Encode()
		offsets = append(offsets, Offset{
			Topic: in.Topic, Partition: in.Partition, Offset: in.from, Epoch: in.fromEpoch, Metadata: in.metadata,
		})
	}
	return offsets
}

// keptKey is the name, among the times of a commit, of the epoch of a fence that keepFence has made.
const keptKey = "millstream-kept"

// keepFence has the commits of a task tell a fence that runs exactly once, and whose changelogs have had owners at
// least once: it covers what these may still write. The task's own records tell no epoch, transactions take back what
// is late of them. So the fence stays where it is, whoever goes on exactly once.
func (t *Task) keepFence() {
	heard, kept := t.kept, fence{}
	for _, f := range t.fences {
		if heard = max(heard, f.epoch); f.epoch == t.kept {
			kept = f
		}
	}
	for _, c := range t.logged() {
		heard = max(heard, c.seen)
	}
	if heard == 0 {
		return
	}
	if kept.epoch < heard {
		kept = t.fenceHere()
	}
	t.kept, t.fence = kept.epoch, kept.name()
}

// fenceHere is the fence of an epoch above all that the task has heard of.
func (t *Task) fenceHere() fence {
	own := fence{offsets: map[uint32]int64{}}
	for _, f := range t.fences {
		own.epoch = max(own.epoch, f.epoch)
	}
	for _, c := range t.logged() {
		own.epoch = max(own.epoch, c.seen)
		if c.next >= 0 {
			h := storeHash(c.Store) // two of the same: the later offset keeps what both have
			own.offsets[h] = max(own.offsets[h], c.next)
		}
	}
	own.epoch++
	own.fit(t.fenceRoom())
	return own
}

// metadataBytes is what metadata has room for before it is text: the broker's default of offset.metadata.max.bytes is
// 4096, and a commit with more is refused for good.
const metadataBytes = 4096 / 4 * 3

// mostFences is how many owners in a row may die between their first write and their first commit until the earliest
// fence is left out. What that one covers is in a changelog by then, or will hardly come.
const mostFences = 8

// fenceBytes is what a fence takes of metadata.
func fenceBytes(name string) int { return 4 + len(name) + 8 }

// fenceRoom is how many bytes of metadata are left for fences, whatever stores get a time yet.
func (t *Task) fenceRoom() int {
	times := []string{offsetKey, timeBackKey, RescaledKey, commitsKey, keptKey}
	for _, s := range t.sub.Stores {
		times = append(times, s.Name())
		if _, windows := t.graceOf(s); windows {
			times = append(times, ownKey+s.Name())
		}
	}
	room := metadataBytes - 1 - 8 - 4 // version, partition time, count
	for _, name := range times {
		room -= fenceBytes(name)
	}
	return room
}

// fit leaves out offsets until the fence has room. A changelog without one is guarded by the epochs of its records
// alone.
func (f fence) fit(room int) {
	for h := range f.offsets {
		if fenceBytes(f.name()) <= room {
			return
		}
		delete(f.offsets, h)
	}
}

// keepFences takes fences out of times that have no room beside the task's own: the earliest first.
func keepFences(times map[string]int64, own string, room int) {
	delete(times, own)
	var names []string
	for name, epoch := range times {
		if _, ok := fenceNamed(name, epoch); ok {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(times[b], times[a]) })
	room -= fenceBytes(own)
	for i, name := range names {
		if room -= fenceBytes(name); room < 0 || i >= mostFences-1 {
			delete(times, name)
		}
	}
}

// logged are the stores that have a changelog.
func (t *Task) logged() []*Changelog {
	return slices.DeleteFunc(slices.Clone(t.changelogs), (*Changelog).isUnlogged)
}

// hasUnlogged is true if the task has a store without a changelog.
func (t *Task) hasUnlogged() bool { return slices.ContainsFunc(t.changelogs, (*Changelog).isUnlogged) }

func (c *Changelog) isUnlogged() bool { return c.spec.Options().NoChangelog }

// BeginEpochs gives an epoch to each task that has something to commit for the first time since it started, if it has a
// changelog and Config.Epochs is set. The offsets are to be committed before Prepare; where that fails, the set must be
// aborted.
func (s *Set) BeginEpochs() (offsets []Offset) {
	if !s.config.Epochs {
		return nil
	}
	for _, t := range s.tasks {
		if t.running && t.changed && t.epoch == 0 && len(t.logged()) > 0 {
			offsets = append(offsets, t.beginEpoch()...)
		}
	}
	return offsets
}

// epochOf is the epoch in which a record was written, 0 if it does not tell.
func epochOf(r *graph.Raw) int32 {
	for i := range r.Headers {
		if r.Headers[i].Key == wire.EpochHeader {
			return wire.Epoch(r.Headers[i].Value)
		}
	}
	return 0
}

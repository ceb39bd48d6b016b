package task

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/topology"
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
	t.fences = nil
	for _, c := range committed {
		for name, epoch := range topology.DecodeMetadata(c.Metadata).Times {
			if f, ok := fenceNamed(name, epoch); ok {
				t.fences = append(t.fences, f)
			}
		}
	}
}

// beginEpoch gives the task an epoch of its own. The offsets, from which it goes on, are to be committed with it before
// anything is written to a changelog.
func (t *Task) beginEpoch() (offsets []Offset) {
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
	t.epoch, t.fence = own.epoch, own.name()
	for _, c := range t.logged() {
		c.enterEpoch(own.epoch)
	}
	for _, in := range t.inputs {
		m := topology.DecodeMetadata(in.metadata)
		if m.Times == nil {
			m.Times = map[string]int64{}
		}
		if at, known := m.Times[offsetKey]; known && at == in.committed {
			m.Times[offsetKey] = in.from
		}
		m.Times[t.fence] = int64(own.epoch)
		in.metadata = m.Encode()
		offsets = append(offsets, Offset{
			Topic: in.Topic, Partition: in.Partition, Offset: in.from, Epoch: in.fromEpoch, Metadata: in.metadata,
		})
	}
	return offsets
}

// logged are the stores that have a changelog.
func (t *Task) logged() []*Changelog {
	return slices.DeleteFunc(slices.Clone(t.changelogs), func(c *Changelog) bool { return c.spec.Options().NoChangelog })
}

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
func epochOf(r *topology.Raw) int32 {
	for i := range r.Headers {
		if r.Headers[i].Key == wire.EpochHeader {
			return wire.Epoch(r.Headers[i].Value)
		}
	}
	return 0
}

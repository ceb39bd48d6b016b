package worker

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"

	"github.com/millstream-go/millstream/internal/assign"
)

// userData is what a member tells the leader beside the topics and the partitions that it has.
//
// Its bytes are: the format, the process, the layout, the sub-topologies as indexes of topics, the copies of state as a
// bitmap of partitions for each sub-topology, with four bits of age for each copy, and the endpoint, if there is one.
// All brokers keep them for all members, in one record: so they are few, and only one member of a process tells what
// lies on its disk.
type userData struct {
	process string
	// layout is another one where topics that match patterns have come, gone, or have other sizes. A static member that
	// tells what it told before gets the partitions that it had before, also those of a topic that was created anew.
	layout   uint64
	parts    []part
	stored   []assign.Copy // numbered as in parts
	endpoint string        // Config.Endpoint; earlier releases neither write it nor read so far
}

// part is a sub-topology as the group sees it: topics that are read together.
type part struct {
	id       int // in the member's version of the topology
	topics   []string
	stateful bool
	pattern  bool // there may be more topics, which other members know already
}

const (
	userDataFormat = 2 // format 1 was JSON, and began with {
	partStateful   = 1
	partPattern    = 2
)

// encode makes bytes of it. topics are those that the member tells beside.
func (d userData) encode(topics []string) []byte {
	process, err := hex.DecodeString(d.process)
	if err != nil {
		process = []byte(d.process)
	}
	out := binary.AppendUvarint([]byte{userDataFormat}, uint64(len(process)))
	out = binary.BigEndian.AppendUint64(append(out, process...), d.layout)
	out = binary.AppendUvarint(out, uint64(len(d.parts)))
	for _, p := range d.parts {
		flags := uint64(0)
		if p.stateful {
			flags |= partStateful
		}
		if p.pattern {
			flags |= partPattern
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(p.id)), flags)
		out = binary.AppendUvarint(out, uint64(len(p.topics)))
		for _, topic := range p.topics {
			out = binary.AppendUvarint(out, uint64(slices.Index(topics, topic)))
		}
	}
	if out = append(out, encodeCopies(d.stored)...); d.endpoint == "" {
		return out
	}
	return append(binary.AppendUvarint(out, uint64(len(d.endpoint))), d.endpoint...)
}

func encodeCopies(copies []assign.Copy) []byte {
	ages := map[int]map[int32]int{}
	last := map[int]int32{}
	for _, c := range copies {
		if ages[c.Sub] == nil {
			ages[c.Sub] = map[int32]int{}
		}
		ages[c.Sub][c.Partition], last[c.Sub] = c.Age, max(last[c.Sub], c.Partition)
	}
	out := binary.AppendUvarint(nil, uint64(len(ages)))
	for _, sub := range sortedKeys(ages) {
		bits, nibbles, n := make([]byte, last[sub]/8+1), []byte(nil), 0
		for p := range last[sub] + 1 {
			age, ok := ages[sub][p]
			if !ok {
				continue
			}
			bits[p/8] |= 1 << (p % 8)
			if n%2 == 0 {
				nibbles = append(nibbles, 0)
			}
			nibbles[n/2] |= byte(min(max(age, 0), assign.MaxAge) << (n % 2 * 4))
			n++
		}
		out = binary.AppendUvarint(binary.AppendUvarint(out, uint64(sub)), uint64(len(bits)))
		out = append(append(out, bits...), nibbles...)
	}
	return out
}

// errUserData is that of bytes that no version writes, or one that is newer than this.
var errUserData = errors.New("group metadata of another version")

// decodeUserData reads what encode wrote.
func decodeUserData(b []byte, topics []string) (d userData, err error) {
	r := &reader{left: b}
	if r.byte() != userDataFormat {
		return d, errUserData
	}
	process := r.bytes(r.number())
	if d.process = string(process); len(process) == 16 {
		d.process = hex.EncodeToString(process)
	}
	if layout := r.bytes(8); layout != nil {
		d.layout = binary.BigEndian.Uint64(layout)
	}
	for range r.number() {
		if r.bad {
			break
		}
		p := part{id: r.number()}
		flags := r.number()
		p.stateful, p.pattern = flags&partStateful != 0, flags&partPattern != 0
		for range r.number() {
			if i := r.number(); !r.bad && i < len(topics) {
				p.topics = append(p.topics, topics[i])
			} else if r.bad {
				break
			}
		}
		d.parts = append(d.parts, p)
	}
	for range r.number() {
		if r.bad {
			break
		}
		d.stored = append(d.stored, r.copies()...)
	}
	if len(r.left) > 0 {
		d.endpoint = string(r.bytes(r.number()))
	}
	if r.bad {
		return userData{}, errUserData
	}
	return d, nil
}

// decodeFormat1 reads the copies that members of earlier releases tell.
func decodeFormat1(b []byte) (stored []assign.Copy) {
	var data struct {
		Stored []assign.Task `json:"stored"`
	}
	if json.Unmarshal(b, &data) != nil { // a newer version's: then nothing is known of its disk
		return nil
	}
	for _, t := range data.Stored {
		stored = append(stored, assign.Copy{Task: t, Age: assign.MaxAge})
	}
	return stored
}

// reader takes numbers and bytes from the front of what is left, and is bad once there are too few.
type reader struct {
	left []byte
	bad  bool
}

func (r *reader) number() int {
	v, n := binary.Uvarint(r.left)
	if n <= 0 || v > 1<<31 {
		r.bad = true
		return 0
	}
	r.left = r.left[n:]
	return int(v)
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.left) {
		r.bad = true
		return nil
	}
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// copies are those of one sub-topology.
func (r *reader) copies() (out []assign.Copy) {
	sub := r.number()
	bits := r.bytes(r.number())
	for i, b := range bits {
		for bit := range 8 {
			if b&(1<<bit) != 0 {
				out = append(out, assign.Copy{Task: assign.Task{Sub: sub, Partition: int32(i*8 + bit)}})
			}
		}
	}
	nibbles := r.bytes((len(out) + 1) / 2)
	for i := range out {
		if r.bad {
			return nil
		}
		out[i].Age = int(nibbles[i/2] >> (i % 2 * 4) & 15)
	}
	return out
}

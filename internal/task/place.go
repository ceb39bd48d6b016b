package task

import (
	"encoding/binary"
	"fmt"

	"github.com/millstream-go/millstream/internal/store"
)

// Place is how far a store or an input has come in a partition, and in which topic of that name: one that was deleted
// and created anew has another id, and its offsets mean something else.
type Place struct {
	Offset int64    // -1: none
	Topic  [16]byte // id of the topic; zeros: not known, of brokers before 2.8
	// Epoch is that of the leader under which the record in front of Offset was written; -1: not known. For a store
	// it is the latest of the task in which rows were written, see fence; up to 0: none.
	Epoch int32
	// At is when the rows of a store were last known to miss nothing that the log may have forgotten since, in
	// milliseconds since 1970; 0: not known.
	At       int64
	Metadata string // that an input's offset was committed with
}

// nowhere is the place of what has not begun.
var nowhere = Place{Offset: -1, Epoch: -1}

// otherTopic is true if the place is known to lie in another topic of the same name.
func (p Place) otherTopic(id [16]byte) bool {
	return p.Topic != id && p.Topic != [16]byte{} && id != [16]byte{}
}

// in is the place in a topic. One whose id is not known is the one that it was.
func (p Place) in(topic [16]byte) Place {
	if topic != [16]byte{} {
		p.Topic = topic
	}
	return p
}

// placeSize is the size of an encoded place without metadata. Shorter ones were written when an offset was all that was
// kept.
const placeSize = 8 + 16 + 4 + 8

func (p Place) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, placeSize+len(p.Metadata)), uint64(p.Offset))
	b = append(b, p.Topic[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Epoch))
	b = binary.BigEndian.AppendUint64(b, uint64(p.At))
	return append(b, p.Metadata...)
}

// place reads a stored place, nowhere if there is none.
func (d database) place(kind byte, name string) (Place, error) {
	b, ok, err := d.engine.Get(nil, metaKey(kind, name))
	if err != nil || !ok {
		return nowhere, err
	}
	return decodePlace(name, b)
}

func decodePlace(name string, b []byte) (Place, error) {
	switch {
	case len(b) == 8:
		return Place{Offset: int64(binary.BigEndian.Uint64(b)), Epoch: -1}, nil
	case len(b) >= placeSize:
		p := Place{Offset: int64(binary.BigEndian.Uint64(b)), Topic: [16]byte(b[8:24]), Metadata: string(b[placeSize:])}
		p.Epoch, p.At = int32(binary.BigEndian.Uint32(b[24:])), int64(binary.BigEndian.Uint64(b[28:]))
		return p, nil
	}
	return nowhere, fmt.Errorf("%w: place of %s", store.ErrCorrupt, name)
}

func setPlace(b store.Batch, kind byte, name string, p Place) error {
	return b.Set(metaKey(kind, name), p.encode())
}

// home reads the id of the cluster whose topics the offsets belong to; empty if it was never told.
func (d database) home() (string, error) {
	b, _, err := d.engine.Get(nil, metaKey('k', ""))
	return string(b), err
}

package graph

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// Metadata is what travels with a committed offset: the stream time of the partition, and of each store that has a time
// of its own. The text is Kafka Streams' own (TopicPartitionMetadata), so time survives restarts, moves, and a change
// between the two.
type Metadata struct {
	PartitionTime int64            // -1: none yet
	Times         map[string]int64 // by store name
}

const metadataVersion = 2

// Encode is the text to commit. It is the only allocation, unless there are many stores: each commit has one for each
// input.
func (m Metadata) Encode() string {
	b := append(make([]byte, 0, 256), metadataVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(m.PartitionTime))
	if len(m.Times) > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(m.Times)))
		names := make([]string, 0, 8)
		for name := range m.Times {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
			b = append(b, name...)
			b = binary.BigEndian.AppendUint64(b, uint64(m.Times[name]))
		}
	}
	return string(base64.StdEncoding.AppendEncode(make([]byte, 0, 344), b))
}

// DecodeMetadata reads what Encode or Kafka Streams wrote. Any other text means nothing known: time -1, no stores.
func DecodeMetadata(text string) Metadata {
	m, _ := ParseMetadata(text)
	return m
}

// ParseMetadata does the same, and tells whether Encode or Kafka Streams wrote it.
func ParseMetadata(text string) (m Metadata, ok bool) {
	none := Metadata{PartitionTime: -1}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) < 9 || b[0] != 1 && b[0] != metadataVersion {
		return none, false
	}
	m = Metadata{PartitionTime: int64(binary.BigEndian.Uint64(b[1:]))}
	if b = b[9:]; len(b) < 4 {
		return m, true
	}
	n := binary.BigEndian.Uint32(b)
	b = b[4:]
	m.Times = map[string]int64{}
	for range n {
		if len(b) < 4 {
			return none, false
		}
		size := int(binary.BigEndian.Uint32(b))
		if b = b[4:]; size < 0 || len(b)-8 < size {
			return none, false
		}
		m.Times[string(b[:size])] = int64(binary.BigEndian.Uint64(b[size:]))
		b = b[size+8:]
	}
	return m, true
}

package wire

import "encoding/binary"

// EpochHeader is the header that each changelog record has at least once: the epoch of the task that wrote it, as an
// unsigned varint. Kafka Streams passes over headers that it does not know.
const EpochHeader = "millstream-epoch"

// AppendEpoch appends the value of an EpochHeader.
func AppendEpoch(dst []byte, epoch int32) []byte { return binary.AppendUvarint(dst, uint64(epoch)) }

// Epoch is the epoch in the value of an EpochHeader, 0 if there is none: another program's header may have the name.
func Epoch(value []byte) int32 {
	e, n := binary.Uvarint(value)
	if n != len(value) || e >= 1<<31-1 {
		return 0
	}
	return int32(e)
}

package task

import "fmt"

// Accept is what an application goes on with although something has been lost.
type Accept uint8

const (
	// AcceptLostOffsets: inputs whose offsets are gone are read as their topics' declarations say, and those whose
	// offsets were set back from there, although the state has counted records that come again.
	AcceptLostOffsets Accept = 1 << iota
	// AcceptLostInput: an input that is shorter than its offset is read on from its end, one that was created anew from
	// its start. Global tables are read again.
	AcceptLostInput
	// AcceptLostState: a store whose changelog does not have its rows any more is restored from what the changelog has;
	// its rows are set aside. One without a changelog goes on with what its directory has.
	AcceptLostState
	// AcceptNewStores: a store without a changelog may be missing in the directory.
	AcceptNewStores
)

// Has is true if all of some is accepted.
func (a Accept) Has(some Accept) bool { return a&some == some }

// LostOffsetsError means that the group's offset of an input partition is gone, or was set by hand, and that the state
// has counted records that would come again. An offset expires when a group is away for longer than the brokers'
// offsets.retention.minutes. An offset that was set back below Stored can be set to Stored, with Kafka's own tools. In
// any other case the changelogs have more than Stored tells, and no offset is known to fit: start anew under another
// application id; or set streams.AcceptLostOffsets in Config.Accept for one start, which goes on at the offset that the
// group has.
type LostOffsetsError struct {
	Topic     string
	Partition int32
	Committed int64 // offset of the group; -1: none
	// Stored is the offset up to which the local state has counted, at least; -1: there is no local state. Where
	// Committed is not below it, the changelogs have state of records behind it.
	Stored int64
}

func (e *LostOffsetsError) Error() string {
	is := "the group has no offset"
	if e.Committed >= 0 {
		is = fmt.Sprintf("the group's offset is %d", e.Committed)
	}
	has, cure := "and the changelogs have state", ""
	switch back := e.Committed >= 0 && e.Committed < e.Stored; {
	case back:
		has = fmt.Sprintf("and the state has counted up to %d", e.Stored)
		cure = "set the group's offset to where the state is, "
	case e.Committed >= 0:
		is += ", which was set by hand"
		fallthrough
	case e.Stored >= 0:
		has = fmt.Sprintf("and the state has counted up to %d and beyond", e.Stored)
	}
	return fmt.Sprintf("input %s/%d: %s, %s: records would count twice: %sstart anew under another application id, "+
		"or accept it (Config.Accept: AcceptLostOffsets)", e.Topic, e.Partition, is, has, cure)
}

// LostInputError means that an input partition has lost records that were read: it is shorter than the offset up to
// which it was, or differs below it, or the topic was deleted and created anew. What is written to it now would be
// taken for read. Set streams.AcceptLostInput in Config.Accept for one start, to go on with what comes now on top of
// the state; or start anew under another application id.
type LostInputError struct {
	Topic     string
	Partition int32
	Offset    int64 // up to which it was read
	End       int64 // up to which what was read is still there
	Anew      bool  // the topic was created anew
}

func (e *LostInputError) Error() string {
	is := fmt.Sprintf("has lost the records from %d on: if the offset was set by hand, set it to that; else ", e.End)
	if e.Anew {
		is = "was created anew: "
	}
	return fmt.Sprintf("topic %s/%d was read up to offset %d and %sstart anew under another application id, "+
		"or accept it (Config.Accept: AcceptLostInput)", e.Topic, e.Partition, e.Offset, is)
}

// LostStateError means that a store has lost rows: its changelog does not have them any more, or it has no changelog
// and its directory has not all of them. Bring the changelog, or the directory, back; or start anew under another
// application id; or set streams.AcceptLostState in Config.Accept for one start, to go on with the rows that are left.
type LostStateError struct {
	Store     string
	Topic     string // the changelog; empty: it has none
	Partition int32
	Reason    string
}

func (e *LostStateError) Error() string {
	return fmt.Sprintf("store %s, partition %d: %s: start anew under another application id, or accept the loss "+
		"(Config.Accept: AcceptLostState)", e.Store, e.Partition, e.Reason)
}

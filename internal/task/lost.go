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

// LostOffsetsError means that the group's offset of an input partition is gone, or was set back, and that the state has
// counted records that would come again. An offset expires when a group is away for longer than the brokers'
// offsets.retention.minutes. Let the group have an offset that fits the state, with Kafka's own tools; or start anew
// under another application id; or set streams.AcceptLostOffsets in Config.Accept for one start.
type LostOffsetsError struct {
	Topic     string
	Partition int32
	Committed int64 // offset of the group; -1: none
	Stored    int64 // offset up to which the local state has counted; -1: there is no local state
}

func (e *LostOffsetsError) Error() string {
	is := "the group has no offset"
	if e.Committed >= 0 {
		is = fmt.Sprintf("the group's offset is %d", e.Committed)
	}
	has := "and the changelogs have state"
	if e.Stored >= 0 {
		has = fmt.Sprintf("and the state has counted up to %d", e.Stored)
		if e.Committed < 0 {
			has += " and beyond"
		}
	}
	return fmt.Sprintf("input %s/%d: %s, %s: records would count twice: set the group's offset to where the state is, "+
		"start anew under another application id, or accept it (Config.Accept: AcceptLostOffsets)",
		e.Topic, e.Partition, is, has)
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
	is := fmt.Sprintf("has lost the records from %d on", e.End)
	if e.Anew {
		is = "was created anew"
	}
	return fmt.Sprintf("topic %s/%d was read up to offset %d and %s: start anew under another application id, "+
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

package task

import "github.com/millstream-go/millstream/internal/graph"

// Input is one input partition of a task: its queue, and how far it has come.
type Input struct {
	Topic     string
	Partition int32

	task     *Task
	inlet    graph.Inlet
	queue    queue
	hasHead  bool  // the record at the head of the queue is decoded and has a time
	headTime int64 // its time

	origin *graph.Origin // for outputs, which outlive the run of the task
	stored Place         // of the last commit that the directory knows of
	topic  [16]byte      // id; zeros: not known
	told   string        // what was told of it before the task ran

	position  int64  // offset behind the last record processed or passed over: what is committed
	epoch     int32  // of the leader under which the record in front of the position was written; -1: not known
	metadata  string // of the last commit
	committed int64  // position at the last commit
	untold    bool   // the group's offset was given by hand: the next commit tells it the times that were known
	from      int64  // position when the task started
	fromEpoch int32  // the epoch then
	fetched   int64  // offset behind the last record added
	end       int64  // end of the partition as last heard; -1 unknown
	time      int64  // partition time: highest timestamp processed, -1 before the first
	idleSince int64  // wall clock when the queue became empty; -1 while it is not
	paused    bool
	noted     bool // for Set.Flow to look at
}

// Task is the task that the partition belongs to.
func (in *Input) Task() graph.TaskID { return in.task.ID }

// Fetched is the offset behind the last record that was added.
func (in *Input) Fetched() int64 { return in.fetched }

// Position is what a commit has committed of the input, as the input would begin from it.
func (in *Input) Position() Committed {
	return Committed{Offset: in.position, Epoch: in.epoch, Metadata: in.metadata, End: -1}
}

// Waiting are the records that were added and not processed.
func (in *Input) Waiting() []graph.Raw {
	out := make([]graph.Raw, 0, in.queue.count)
	for i := range in.queue.count {
		out = append(out, *in.queue.at(i))
	}
	return out
}

// caughtUp is true if nothing is known to be waiting in the topic.
func (in *Input) caughtUp() bool { return in.end >= 0 && in.fetched >= in.end }

// allowsOthers is true if an empty queue need not hold up the task's other partitions.
func (in *Input) allowsOthers(now, maxIdle int64) bool {
	return maxIdle < 0 || in.caughtUp() && (maxIdle == 0 || now-in.idleSince >= maxIdle)
}

// add takes fetched records, in the order of their offsets. Those that were already added, as after a rewind, are left
// out.
func (in *Input) add(records []graph.Raw) {
	count, bytes := in.queue.count, in.queue.bytes
	for i := range records {
		if records[i].Offset >= in.fetched {
			in.queue.push(records[i])
			in.fetched = records[i].Offset + 1
		}
	}
	waiting := &in.task.set.waiting
	waiting.records += in.queue.count - count
	waiting.bytes += in.queue.bytes - bytes
	if in.queue.count > 0 {
		in.idleSince = -1
	}
	if in.full() {
		in.note()
	}
}

// strayed is true if the directory has another place than the one that the input begins at.
func (in *Input) strayed() bool {
	return in.stored.Offset >= 0 && (in.stored.Offset != in.position || in.stored.Topic != in.topic)
}

// pass moves the position behind the record at the head of the queue.
func (in *Input) pass() {
	head, bytes := in.queue.head(), in.queue.bytes
	in.position, in.epoch = head.Offset+1, head.Epoch
	in.queue.pop()
	in.hasHead = false
	waiting := &in.task.set.waiting
	waiting.records--
	waiting.bytes -= bytes - in.queue.bytes
	if in.paused && in.drained() {
		in.note()
	}
}

// clear empties the queue of a task that stops.
func (in *Input) clear() {
	waiting := &in.task.set.waiting
	waiting.records -= in.queue.count
	waiting.bytes -= in.queue.bytes
	in.queue, in.hasHead, in.paused = queue{}, false, false
}

// full is true if the partition has to be paused.
func (in *Input) full() bool {
	c := in.task.config
	return in.queue.count > c.Buffer || c.BufferBytes > 0 && in.queue.bytes > c.BufferBytes
}

// drained is true if a paused partition may be resumed.
func (in *Input) drained() bool {
	c := in.task.config
	return in.queue.count <= c.Buffer/2 && (c.BufferBytes == 0 || in.queue.bytes <= c.BufferBytes/2)
}

// note has Set.Flow look at the partition.
func (in *Input) note() {
	if s := in.task.set; !in.noted {
		in.noted = true
		s.flow = append(s.flow, in)
	}
}

// advance decodes the head of the queue, unless that has been done. Records that have none of their own effect, such as
// markers and those that the error policy leaves out, are passed over. It returns false if the queue is empty.
func (in *Input) advance() (bool, error) {
	for !in.hasHead && in.queue.count > 0 {
		raw := in.queue.head()
		if raw.Control {
			in.pass()
			continue
		}
		ts, err := in.decode(raw)
		switch {
		case err != nil:
			if err := in.task.reject(in.origin, raw, err); err != nil {
				return false, err
			}
			in.pass()
		case ts < 0:
			dropped := drop{step: nameOf(in.task.instance.Node()), reason: graph.DropTimestamp}
			in.task.config.Drops.show(dropped, in.task.set.now, in.origin, raw)
			in.task.config.Drops.add(dropped)
			in.task.drops++
			in.pass()
		default:
			in.hasHead, in.headTime = true, ts
		}
	}
	return in.hasHead, nil
}

// decode shields the task from panics in serdes and timestamp extractors.
func (in *Input) decode(raw *graph.Raw) (ts int64, err error) {
	defer recoverInto(&err)
	return in.inlet.Decode(raw, in.time)
}

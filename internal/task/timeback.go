package task

import "github.com/millstream-go/millstream/internal/graph"

// timeBackKey is where the times of a commit tell to which time they were last set back: no store has that name. So it
// is told together with what it did, wherever the task goes: a time that has moved on is not set back again.
const timeBackKey = ""

// backTo is the time that no stream time of the task may be behind when it starts: never, if it has been set back
// before as it is to be, or is not to be.
func (t *Task) backTo(committed map[string]Committed, times map[string]int64) int64 {
	t.timeBack = 0
	latest := int64(-1)
	for _, c := range committed {
		m := graph.DecodeMetadata(c.Metadata)
		t.timeBack = max(t.timeBack, m.Times[timeBackKey])
		latest = max(latest, m.PartitionTime)
	}
	for _, at := range times {
		latest = max(latest, at)
	}
	back := t.config.TimeBack
	if back == 0 || back == t.timeBack {
		return never
	}
	t.timeBack = back
	if latest > back {
		t.log.Warn("stream time is set back", "from", latest, "to", back)
	}
	return back
}

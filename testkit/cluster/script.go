package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fault is one thing that goes wrong.
type fault struct {
	at     time.Duration // since the start
	kind   string
	on     int           // instance or broker
	lasts  time.Duration // until it is mended
	key    kmsg.Key      // of requests
	after  int           // requests of that kind that pass first
	point  point
	synced int // percent of what was not synced that a crash leaves; below 0 the disk is lost
	n      int // any number, from which a kind of fault takes what it needs besides
}

func (f fault) String() string {
	s := fmt.Sprintf("%8.3fs %s %d", f.at.Seconds(), f.kind, f.on)
	if f.kind == "crash-at" || f.kind == "reply" {
		s += fmt.Sprintf(", %v %v after %d of them", f.point, f.key.Name(), f.after)
	}
	if f.kind == "broker-error" || f.kind == "transaction-error" {
		s += fmt.Sprintf(", %v, number %d", f.key.Name(), f.n)
	}
	if f.kind == "crash-within" {
		s += fmt.Sprintf(", %v after %d of them", pick(moments, f.n), f.after)
	}
	if strings.HasPrefix(f.kind, "crash") {
		s += fmt.Sprintf(", %d %% of unsynced bytes left", f.synced)
	}
	return s + fmt.Sprintf(", for %.3fs", f.lasts.Seconds())
}

// script is the faults of one simulation, by time.
type script []fault

func (s script) String() string {
	var lines []string
	for _, f := range s {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// faultsFor is how long faults go on, and records come.
const faultsFor = 40 * time.Second

// newScript draws faults.
func newScript(rng *rand.Rand, job *Job) script {
	passing, losses := job.kinds()
	var s script
	for range 1 + rng.IntN(6) {
		if len(passing) > 0 {
			s = append(s, draw(rng, passing[rng.IntN(len(passing))], job.Instances))
		}
	}
	if len(losses) > 0 && (len(passing) == 0 || rng.IntN(3) == 0) {
		s = append(s, draw(rng, losses[rng.IntN(len(losses))], job.Instances))
	}
	slices.SortFunc(s, func(a, b fault) int { return int(a.at - b.at) })
	return s
}

// kinds are the job's faults, and those of them that take away what an application counts on, of which a script has one
// at most: else each result could be explained.
func (j *Job) kinds() (passing, losses []string) {
	names := j.Faults
	if names == nil {
		names = Kinds()
	}
	for _, name := range names {
		if lossy[name] != nil {
			losses = append(losses, name)
		} else {
			passing = append(passing, name)
		}
	}
	return passing, losses
}

func draw(rng *rand.Rand, kind string, instances int) fault {
	f := fault{
		kind: kind, at: time.Duration(rng.Int64N(int64(faultsFor))), on: rng.IntN(instances),
		key: keys[rng.IntN(len(keys))], after: rng.IntN(20), point: point(rng.IntN(4)),
		lasts:  durations[rng.IntN(len(durations))] + time.Duration(rng.Int64N(int64(time.Second))),
		synced: []int{100, 100, 50, 0, -1}[rng.IntN(5)], n: rng.IntN(1 << 20),
	}
	if strings.HasPrefix(kind, "broker") {
		f.on = rng.IntN(brokers)
	}
	return f
}

// durations are short, and longer than each of the time-outs.
var durations = []time.Duration{
	0, time.Second, 5 * time.Second, 12 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute,
}

// keys are the requests at which crashes and lost replies are drawn.
var keys = []kmsg.Key{
	kmsg.Produce, kmsg.Produce, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetCommit, kmsg.OffsetFetch,
	kmsg.FindCoordinator, kmsg.JoinGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.SyncGroup, kmsg.InitProducerID,
	kmsg.AddPartitionsToTxn, kmsg.EndTxn, kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.TxnOffsetCommit,
}

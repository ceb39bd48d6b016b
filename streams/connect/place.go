package connect

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// place is where a partition is read on, and of which log that offset is one.
type place struct {
	claim   int      // which one gave the partition
	next    int64    // where reading goes on; below 0: not known
	epoch   int32    // that of the leader that wrote the record before next; below 0: not known
	topic   [16]byte // id of the topic; zero: not known
	written bool     // since it was claimed
}

// moved is the place of a sink that has one of its own, which counts in place of the group's. The leader's epoch goes
// with the same offset only. That the group had a place in another topic says nothing of one at the start.
func (at place) moved(next int64) place {
	if next != at.next {
		at.epoch = -1
	}
	if next == 0 {
		at.topic = [16]byte{}
	}
	at.next = next
	return at
}

// check compares the topic of the place with the one that is there.
func (at place) check(p Partition, topic [16]byte) error {
	var unknown [16]byte
	if at.topic == topic || at.topic == unknown || topic == unknown {
		return nil
	}
	return &LostRecordsError{Partition: p, Err: fmt.Errorf("%w: offset %d is a place in the one with id %s, its id is %s",
		errCreatedAnew, at.next, topicID(at.topic), topicID(topic))}
}

// topicID is the id as Kafka's tools show it.
func topicID(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

var errCreatedAnew = errors.New("the topic was created anew")

// commit tells the group where writing has got to. What cannot be committed now is committed later, or written again.
func (s *session[K, V]) commit(ctx context.Context, last map[Partition]place) {
	if len(last) == 0 {
		return
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for p, at := range last {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.Topic][p.Number] = kgo.EpochOffset{Epoch: at.epoch, Offset: at.next}
	}
	ctx = kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for _, t := range request.Topics {
			for i := range t.Partitions {
				id := last[Partition{Topic: t.Topic, Number: t.Partitions[i].Partition}].topic
				t.Partitions[i].Metadata = kmsg.StringPtr(placeMetadata(id))
			}
		}
		return nil
	})
	s.client.CommitOffsetsSync(ctx, offsets, nil)
}

// topicPrefix begins the metadata of a committed offset, and the id of its topic follows. Brokers forget the offsets of
// a topic that is deleted, but not those that are committed by its name once there is another one.
const topicPrefix = "millstream topic "

func placeMetadata(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return topicPrefix + topicID(id)
}

// groupPlaces are what the group has beside offsets. The client calls fetched right before it asks for places, from the
// same goroutine.
type groupPlaces struct{ metadata map[int32]string }

func (g *groupPlaces) fetched(_ context.Context, _ *kgo.Client, response *kmsg.OffsetFetchResponse) error {
	g.metadata = map[int32]string{}
	for _, group := range response.Groups {
		for _, t := range group.Topics { // a session has one
			for _, p := range t.Partitions {
				if p.Metadata != nil {
					g.metadata[p.Partition] = *p.Metadata
				}
			}
		}
	}
	return nil
}

// place is the group's. Without an id in it, as those of earlier versions are, it is taken as it is.
func (g *groupPlaces) place(p Partition, offset kgo.Offset) place {
	at := place{next: offset.EpochOffset().Offset, epoch: offset.EpochOffset().Epoch} // below 0: the start
	if id, ok := strings.CutPrefix(g.metadata[p.Number], topicPrefix); ok && at.next >= 0 {
		if b, err := base64.RawURLEncoding.DecodeString(id); err == nil {
			copy(at.topic[:], b)
		}
	}
	return at
}

// places are the partitions that this member has.
type places struct {
	mu    sync.Mutex
	of    map[Partition]place
	count int // claims so far
}

func (ps *places) take(p Partition, at place) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.of == nil {
		ps.of = map[Partition]place{}
	}
	ps.count++
	at.claim = ps.count
	ps.of[p] = at
}

func (ps *places) release(p Partition) place {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	was := ps.of[p]
	delete(ps.of, p)
	return was
}

func (ps *places) get(p Partition) (place, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	at, ok := ps.of[p]
	return at, ok
}

// move notes what has been written under a claim.
func (ps *places) move(p Partition, to place) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if at, ok := ps.of[p]; ok && at.claim == to.claim {
		to.written = true
		ps.of[p] = to
	}
}

func (ps *places) written() map[Partition]place {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	out := map[Partition]place{}
	for p, at := range ps.of {
		if at.written {
			out[p] = at
		}
	}
	return out
}

package worker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/internal/assign"
)

// TestUserDataComesBack as it was told, and no other bytes are a reason to panic.
func TestUserDataComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topics := []string{"a", "b", "c", "d"}
		d := userData{process: rapid.SampledFrom([]string{strings.Repeat("0f", 16), "no hex", ""}).Draw(t, "process")}
		d.layout = rapid.Uint64().Draw(t, "layout")
		for id := range rapid.IntRange(0, 3).Draw(t, "parts") {
			p := part{id: id, stateful: rapid.Bool().Draw(t, "stateful"), pattern: rapid.Bool().Draw(t, "pattern")}
			for _, topic := range topics {
				if rapid.Bool().Draw(t, topic) {
					p.topics = append(p.topics, topic)
				}
			}
			d.parts = append(d.parts, p)
			for partition := range rapid.Int32Range(0, 40).Draw(t, "partitions") {
				if rapid.Bool().Draw(t, "stored") {
					d.stored = append(d.stored, assign.Copy{
						Task: assign.Task{Sub: id, Partition: partition}, Age: rapid.IntRange(0, assign.MaxAge).Draw(t, "age"),
					})
				}
			}
		}
		without := len(d.encode(topics)) // what earlier releases tell
		d.endpoint = rapid.SampledFrom([]string{"", "http://10.0.0.1:8080/millstream"}).Draw(t, "endpoint")
		bytes := d.encode(topics)
		got, err := decodeUserData(bytes, topics)
		require.NoError(t, err)
		require.Equal(t, d, got)
		for i := range bytes {
			if _, err := decodeUserData(bytes[:i], topics); i != without {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
		}
		_, _ = decodeUserData(append([]byte{userDataFormat}, rapid.SliceOf(rapid.Byte()).Draw(t, "noise")...), topics)
	})
}

// format1 is what a member of an earlier release tells.
func format1(t *testing.T, copies []assign.Copy) []byte {
	var data struct {
		Stored []assign.Task `json:"stored"`
	}
	for _, c := range copies {
		data.Stored = append(data.Stored, c.Task)
	}
	b, err := json.Marshal(data)
	require.NoError(t, err)
	return b
}

// TestGroupMetadataIsSmall shows what 100 members on 25 processes with 1,000 tasks tell, each process with a directory
// of each task.
func TestGroupMetadataIsSmall(t *testing.T) {
	var copies []assign.Copy
	d := userData{process: strings.Repeat("0f", 16)}
	for sub := range 10 {
		d.parts = append(d.parts, part{id: sub, topics: []string{fmt.Sprint("topic-", sub)}, stateful: true})
		for p := range int32(100) {
			copies = append(copies, assign.Copy{Task: assign.Task{Sub: sub, Partition: p}})
		}
	}
	topics := make([]string, 10)
	for i := range topics {
		topics[i] = fmt.Sprint("topic-", i)
	}
	others := len(d.encode(topics))
	d.stored = copies
	one := len(d.encode(topics))
	before, after := 100*len(format1(t, copies)), 25*one+75*others
	t.Logf("bytes told by 100 members: %d, in format 1 %d", after, before)
	require.Less(t, after, 40_000)
}

// member is the join metadata of a member.
func member(id string, topics []string, data []byte) kmsg.JoinGroupResponseMember {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version, meta.Topics, meta.UserData = 3, topics, data
	m := kmsg.NewJoinGroupResponseMember()
	m.MemberID, m.InstanceID, m.ProtocolMetadata = id, &id, meta.AppendTo(nil)
	return m
}

// balance is what members get.
func balance(
	t *testing.T, counts map[string]int32, members ...kmsg.JoinGroupResponseMember,
) map[string]map[string][]int32 {
	var told []memberData
	for _, m := range members {
		meta := kmsg.NewConsumerMemberMetadata()
		require.NoError(t, meta.ReadFrom(m.ProtocolMetadata))
		told = append(told, readMember(m.MemberID, m.InstanceID, &meta, []part{{topics: []string{"a"}, stateful: true}}))
	}
	parts := agreed(told)
	got := map[string]map[string][]int32{}
	for id, tasks := range groupOf(told, parts, counts).Deal() {
		got[id] = map[string][]int32{}
		for _, task := range tasks {
			for _, topic := range parts[task.Sub].topics {
				if task.Partition < counts[topic] {
					got[id][topic] = append(got[id][topic], task.Partition)
				}
			}
		}
	}
	return got
}

func version(process string, subs ...[]string) userData {
	d := userData{process: process}
	for i, topics := range subs {
		d.parts = append(d.parts, part{id: i, topics: topics, stateful: true})
	}
	return d
}

// TestVersionsShareAGroup: a member gets no task that its version does not know, and every topic that some member knows
// is read, whoever leads.
func TestVersionsShareAGroup(t *testing.T) {
	counts := map[string]int32{"a": 4, "b": 4, "c": 2}
	n1, n := []string{"a"}, []string{"a", "b"}
	join := func(id string, topics []string, d userData) kmsg.JoinGroupResponseMember {
		return member(id, topics, d.encode(topics))
	}
	all := []int32{0, 1, 2, 3}
	t.Run("a sub-topology more", func(t *testing.T) {
		got := balance(t, counts, join("old", n1, version("p", n1)), join("new", n, version("q", []string{"b"}, n1)))
		require.Empty(t, got["old"]["b"])
		require.Equal(t, all, got["new"]["b"])
		require.Len(t, got["old"]["a"], 2)
	})
	t.Run("a topic more in a sub-topology", func(t *testing.T) {
		got := balance(t, counts, join("old", n1, version("p", n1)), join("new", n, version("q", n)))
		require.Empty(t, got["old"])
		require.Equal(t, map[string][]int32{"a": all, "b": all}, got["new"])
	})
	t.Run("a sub-topology less", func(t *testing.T) {
		got := balance(t, counts, join("old", n, version("p", n1, []string{"b"})), join("new", n1, version("q", n1)))
		require.Equal(t, all, got["old"]["b"])
		require.Len(t, got["new"]["a"], 2)
	})
	t.Run("an earlier release", func(t *testing.T) {
		copies := []assign.Copy{{Task: assign.Task{Partition: 1}}, {Task: assign.Task{Partition: 2}}}
		old := member("app-p-0", n1, format1(t, copies))
		got := balance(t, counts, old, join("new", n, version("q", n1, []string{"b"})))
		require.Equal(t, map[string][]int32{"a": {1, 2}}, got["app-p-0"])
		require.Equal(t, map[string][]int32{"a": {0, 3}, "b": all}, got["new"])
	})
	t.Run("a pattern's topic that not all know yet", func(t *testing.T) {
		d := userData{process: "p", parts: []part{{topics: n1, pattern: true}}}
		e := userData{process: "q", parts: []part{{topics: n, pattern: true}}}
		got := balance(t, counts, join("one", n1, d), join("two", n, e))
		require.Len(t, got["one"]["b"], 2)
		require.Len(t, got["two"]["b"], 2)
	})
}

// TestEarlierReleasesReadTheGroup: they take what they do not know for nothing.
func TestEarlierReleasesReadTheGroup(t *testing.T) {
	var data struct{}
	require.Error(t, json.Unmarshal(version("p", []string{"a"}).encode([]string{"a"}), &data))
	_, err := kgo.NewConsumerBalancer(nil, []kmsg.JoinGroupResponseMember{
		member("m", []string{"a"}, version("p", []string{"a"}).encode([]string{"a"})),
	})
	require.NoError(t, err)
}

// TestCopiesAreNumberedByTheirVersion: what lies on disks is told in the numbers of the member's own topology.
func TestCopiesAreNumberedByTheirVersion(t *testing.T) {
	one, two := version("p", []string{"a"}, []string{"b"}), version("q", []string{"b"}, []string{"a"})
	one.stored = []assign.Copy{{Task: assign.Task{Sub: 0, Partition: 1}}, {Task: assign.Task{Sub: 1, Partition: 0}}}
	two.stored = []assign.Copy{{Task: assign.Task{Sub: 0, Partition: 1}}, {Task: assign.Task{Sub: 1, Partition: 0}}}
	topics := []string{"a", "b"}
	got := balance(t, map[string]int32{"a": 2, "b": 2},
		member("x", topics, one.encode(topics)), member("y", topics, two.encode(topics)))
	require.Equal(t, map[string][]int32{"a": {1}, "b": {0}}, got["x"])
	require.Equal(t, map[string][]int32{"a": {0}, "b": {1}}, got["y"])
	require.True(t, slices.IsSorted(topics))
}

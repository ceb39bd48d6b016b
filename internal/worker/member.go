package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/cluster"
)

// membership is that of a session in the group.
type membership struct {
	client     *kgo.Client
	kafka      *cluster.Cluster
	group      string
	identity   string // the group instance id, and the transactional id
	layout     *cluster.Layout
	joining    *joining                 // hook of the client
	ends       *cluster.TransactionEnds // the same
	committing *cluster.Committing      // the same
	id         string                   // that the group has given the session's tasks; empty before it has
}

// join makes a member of the group the session's, when the first tasks come. It is an error if later ones come to
// another member.
func (m *membership) join(member string) error {
	if m.id == "" {
		m.id = member
	}
	return m.same(member)
}

// same is an error if a member of the group is not the one that was given this session's tasks.
//
// The client may become another member without a word: it is about to rejoin when the process stands still, is given
// up for dead, and on its return the client simply joins anew. By then other members have taken the tasks, have gone
// on with them and may have given them back. In the name of the new member the broker would accept what this session
// did with them as the old one.
func (m *membership) same(member string) error {
	if member != m.id {
		return fmt.Errorf("the group went on without this member: %w", kerr.UnknownMemberID)
	}
	return nil
}

// current is what a commit proves its right with: the member, and the generation of its group as of now.
func (m *membership) current() (member string, generation int32, err error) {
	member, generation = m.client.GroupMetadata()
	return member, generation, m.same(member)
}

// last is the member of the group that the session has, or had; empty if it never joined.
func (m *membership) last() string {
	if member, _ := m.client.GroupMetadata(); member != "" {
		return member
	}
	return m.id
}

// replaced makes an error that came from being fenced ErrFenced, if it was another process that joined the group under
// this worker's identity. The group may not have said so: the producer is fenced first, or the client keeps the answer
// to itself. So it is asked.
func (m *membership) replaced(ctx context.Context, err error) error {
	told := errors.Is(err, kerr.FencedInstanceID) ||
		classify(err) == fenced && errors.Is(m.byWhom(ctx), kerr.FencedInstanceID)
	if !told || m.rejoins(ctx) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFenced, err)
}

// rejoins is true if it is this process that has joined anew, or is about to: see joining. The client may have read the
// answer, and not yet become the new member.
func (m *membership) rejoins(ctx context.Context) bool {
	for range 10 {
		member, _ := m.client.GroupMetadata()
		if m.joining.Load() || m.id != "" && member != "" && member != m.id {
			return true
		}
		if cluster.Sleep(ctx, heartbeatTimeout/40) != nil {
			return false
		}
	}
	return false
}

// confirm is an error if the group has given this member up. At least once nothing takes back what it writes: a process
// that stood still asks before it writes to changelogs that others may have gone on with. A coordinator that moves may
// answer as late as it may to the commit itself: what was done since the last one would be done again.
func (m *membership) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RetryTime)
	defer cancel()
	return cluster.Retry(ctx, func() error {
		if _, _, err := m.current(); err != nil {
			return err
		}
		err := m.heartbeat(ctx)
		if errors.Is(err, kerr.RebalanceInProgress) {
			return nil // it is still a member, and is waited for
		}
		if err != nil {
			return fmt.Errorf("membership before a commit: %w", err)
		}
		return nil
	})
}

// heartbeatTimeout is how long a worker that was fenced may take to find out by whom.
const heartbeatTimeout = 2 * time.Second

// byWhom is what the group says soon, if it does.
func (m *membership) byWhom(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	return m.heartbeat(ctx)
}

// heartbeat is what the group says to the client's member, nil if the client is none just now.
func (m *membership) heartbeat(ctx context.Context) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.InstanceID = m.group, &m.identity
	if req.MemberID, req.Generation = m.client.GroupMetadata(); req.MemberID == "" {
		return nil
	}
	resp, err := req.RequestWith(ctx, m.kafka.Client())
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

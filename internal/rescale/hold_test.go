package rescale_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millstream-go/millstream/internal/rescale"
)

// TestOneCommandAtATime: while a command works no other one does, wherever the first one stands. It is not disturbed by
// those that ask, and lets go when it ends.
func TestOneCommandAtATime(t *testing.T) {
	for _, step := range []string{"planned", "saved", "grown", "committed"} {
		t.Run(step, func(t *testing.T) { oneAtATime(t, newCounter(t), step) })
	}
}

func oneAtATime(t *testing.T, c *counter, step string) {
	t.Helper()
	c.more(t)
	declined := 0
	first := counting(c, 6)
	first.At = func(_ context.Context, s string) error {
		if s != step || declined > 0 {
			return nil
		}
		undo := counting(c, 0)
		undo.Undo = true
		for _, other := range []rescale.Request{counting(c, 6), counting(c, 8), undo} {
			_, err := rescale.Run(t.Context(), other)
			var no *rescale.DeclinedError
			require.ErrorAs(t, err, &no)
			require.ErrorContains(t, err, "another command works on counter")
			declined++
		}
		look := counting(c, 6)
		look.Execute = false
		_, err := rescale.Run(t.Context(), look)
		require.NoError(t, err, "who only looks may")
		return nil
	}
	plan, err := rescale.Run(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, rescale.Done, plan.Phase)
	require.Equal(t, 3, declined)
	c.check(t)

	plan, err = rescale.Run(t.Context(), counting(c, 12))
	require.NoError(t, err)
	require.Equal(t, rescale.Done, plan.Phase)
	c.check(t)
}

// TestACommandThatWasGivenUpEnds: a command that the group has given up, as one that stood still for long, changes
// nothing any more.
func TestACommandThatWasGivenUpEnds(t *testing.T) {
	c := newCounter(t)
	c.more(t)
	first := counting(c, 6)
	first.At = func(ctx context.Context, s string) error {
		if s == "saved" {
			c.giveUp(t, "counter-rescale")
			<-ctx.Done()
		}
		return nil
	}
	_, err := rescale.Run(t.Context(), first)
	require.ErrorContains(t, err, "has given this command up")

	plan, err := rescale.Run(t.Context(), counting(c, 6))
	require.NoError(t, err)
	require.Equal(t, rescale.Done, plan.Phase)
	c.check(t)
}

// giveUp has a group give its members up.
func (c *counter) giveUp(t *testing.T, group string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addrs()...))
	require.NoError(t, err)
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeGroups(t.Context(), group)
	require.NoError(t, err)
	require.Len(t, described[group].Members, 1)
	leave := kmsg.NewPtrLeaveGroupRequest()
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = described[group].Members[0].MemberID
	leave.Group, leave.MemberID, leave.Members = group, m.MemberID, append(leave.Members, m)
	resp, err := leave.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.NoError(t, kerr.ErrorForCode(resp.ErrorCode))
}

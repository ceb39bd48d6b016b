package rescale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A command that changes something is the one member of a group while it works: <application>-rescale, as its journal.
// The broker gives a member up that has not been heard of for holdSession.
const (
	holdSession  = 10 * time.Second
	holdBeat     = 2 * time.Second
	holdProtocol = "millstream-rescale"
)

// hold is the membership by which other commands are kept away.
type hold struct {
	client     *kgo.Client
	group      string
	member     string
	generation int32
}

// alone works while no other command does: it declines where one is at work. The work's context ends if the group gives
// this command up, as another one may begin then.
func (j *job) alone(ctx context.Context, work func(context.Context) error) error {
	h := &hold{client: j.client, group: journalOf(j.Lock.App)}
	if err := h.checkAlone(ctx, j); err != nil { // nobody who works is disturbed for nothing
		return err
	}
	if err := h.join(ctx); err != nil {
		return fmt.Errorf("group %s, which keeps other commands away: %w", h.group, err)
	}
	defer h.leave(context.WithoutCancel(ctx))
	if err := h.checkAlone(ctx, j); err != nil {
		return err
	}
	held, cancel := context.WithCancelCause(ctx)
	var beats sync.WaitGroup
	beats.Go(func() { h.beat(held, cancel) }) // from here on the membership is its own
	defer func() {
		cancel(nil)
		beats.Wait()
	}()
	err := work(held)
	if lost := context.Cause(held); err != nil && lost != nil && ctx.Err() == nil {
		return lost
	}
	return err
}

// checkAlone declines if the group has another member.
func (h *hold) checkAlone(ctx context.Context, j *job) error {
	groups, err := j.admin.DescribeGroups(ctx, h.group)
	if err == nil {
		err = groups[h.group].Err
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("group %s: %w", h.group, err)
	}
	for _, m := range groups[h.group].Members {
		if m.MemberID != h.member {
			return declined("another command works on %s, at %s: wait until it has ended. One that was killed counts as at "+
				"work for %s more", j.Lock.App, m.ClientHost, holdSession)
		}
	}
	return nil
}

// join enters the group, or its next generation.
func (h *hold) join(ctx context.Context) error {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.ProtocolType = h.group, holdProtocol
	req.SessionTimeoutMillis = int32(holdSession.Milliseconds())
	req.RebalanceTimeoutMillis = int32(holdSession.Milliseconds())
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name = holdProtocol
	req.Protocols = append(req.Protocols, protocol)
	for {
		req.MemberID = h.member
		resp, err := req.RequestWith(ctx, h.client)
		if err != nil {
			return err
		}
		if resp.MemberID != "" {
			h.member = resp.MemberID
		}
		switch err := kerr.ErrorForCode(resp.ErrorCode); {
		case errors.Is(err, kerr.MemberIDRequired):
			continue
		case err != nil:
			return err
		}
		h.generation = resp.Generation
		return h.sync(ctx, resp)
	}
}

// sync ends the joining: nobody is given anything.
func (h *hold) sync(ctx context.Context, joined *kmsg.JoinGroupResponse) error {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID = h.group, h.generation, h.member
	kind, protocol := holdProtocol, holdProtocol
	req.ProtocolType, req.Protocol = &kind, &protocol
	for _, m := range joined.Members { // the leader is told of all
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID = m.MemberID
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	resp, err := req.RequestWith(ctx, h.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// beat tells the group that the command works, until the context ends. Another one that asks makes a new generation.
func (h *hold) beat(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(holdBeat)
	defer ticker.Stop()
	heard := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sent := time.Now()
		err := h.beatOnce(ctx)
		if errors.Is(err, kerr.RebalanceInProgress) || errors.Is(err, kerr.IllegalGeneration) {
			if err = h.join(ctx); err == nil {
				sent = time.Now()
			}
		}
		switch {
		case err == nil:
			heard = sent
		case time.Since(heard) > holdSession-2*holdBeat, errors.Is(err, kerr.UnknownMemberID):
			cancel(fmt.Errorf("group %s has given this command up, and another one may work: run it again: %w", h.group, err))
			return
		}
	}
}

func (h *hold) beatOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, holdBeat)
	defer cancel()
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID = h.group, h.generation, h.member
	resp, err := req.RequestWith(ctx, h.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// leave lets the next command begin at once. What fails here ends by itself, after holdSession.
func (h *hold) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, holdBeat)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = h.group
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = h.member
	req.MemberID, req.Members = h.member, append(req.Members, m)
	if _, err := req.RequestWith(ctx, h.client); err != nil {
		return
	}
	_, _ = kadm.NewClient(h.client).DeleteGroup(ctx, h.group) // else the broker does, in its time
}

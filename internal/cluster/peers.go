package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// peers are the identities of members of the group, as this process saw them last.
type peers struct {
	mu struct {
		sync.Mutex
		known map[string]bool
	}
}

func (p *peers) seen(identity string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.known == nil {
		p.mu.known = map[string]bool{}
	}
	p.mu.known[identity] = true
}

// gone are those that were members and are not among the present ones.
func (p *peers) gone(present []string) (gone []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for identity := range p.mu.known {
		if !slices.Contains(present, identity) {
			gone = append(gone, identity)
		}
	}
	p.mu.known = map[string]bool{}
	for _, identity := range present {
		p.mu.known[identity] = true
	}
	slices.Sort(gone)
	return gone
}

// FenceGone ends the transactions of members that the group has given up. Else their offsets would count as unstable,
// and their changelogs could not be read, until the brokers notice by themselves, which takes them
// Config.TransactionTimeout and up to ten seconds. Who comes back is no member any more: it begins again anyway.
func (c *Cluster) FenceGone(present []string, timeout time.Duration) {
	gone := c.peers.gone(present)
	if len(gone) == 0 || !c.setup.ExactlyOnce {
		return
	}
	// Started by a rebalance, owns nothing, ends with its requests or with the cluster's client.
	go func() {
		for _, identity := range gone {
			if err := c.Fence(c.client.Context(), identity, timeout); err != nil {
				c.setup.Logger.Info("a transaction of a process that is gone was not ended", "identity", identity, "error", err)
			}
		}
	}()
}

// Fence ends the transaction that a worker may have left open, and keeps the worker from ending it.
func (c *Cluster) Fence(ctx context.Context, identity string, timeout time.Duration) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = &identity
	req.TransactionTimeoutMillis = int32(timeout.Milliseconds())
	req.ProducerID, req.ProducerEpoch = -1, -1
	return Retry(ctx, func() error {
		resp, err := req.RequestWith(ctx, c.client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		if err != nil {
			return fmt.Errorf("producer id: %w", err)
		}
		return nil
	})
}

// Retire has those workers of a process leave the group that it had when it ran before, and does not have any more:
// else the group would wait for them. timeout is that of their transactions, 0 if they have none. What fails is logged:
// the group will notice after the session timeout.
func (c *Cluster) Retire(ctx context.Context, process string, workers int, timeout time.Duration) {
	group, log := c.setup.Topology.App(), c.setup.Logger
	described, err := c.admin.DescribeGroups(ctx, group)
	if err != nil {
		log.Info("workers of an earlier run were not looked for", "error", err)
		return
	}
	var gone []string
	for _, m := range described[group].Members {
		if m.InstanceID != nil && workerOf(*m.InstanceID, IdentityPrefix(group, process)) >= workers {
			gone = append(gone, *m.InstanceID)
		}
	}
	if len(gone) == 0 {
		return
	}
	slices.Sort(gone)
	for _, identity := range gone {
		if timeout == 0 {
			break
		}
		if err := c.Fence(ctx, identity, timeout); err != nil {
			log.Warn("a transaction of an earlier run was not ended", "identity", identity, "error", err)
		}
	}
	left, err := c.admin.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs(gone...))
	if err == nil {
		err = left.Error()
	}
	if err != nil {
		log.Warn("workers of an earlier run are in the group until the session timeout", "identities", gone, "error", err)
		return
	}
	log.Info("fewer workers than before: the others have left the group", "identities", gone)
}

// workerOf is the number of a worker of a process, -1 for those of other processes.
func workerOf(identity, prefix string) int {
	number, own := strings.CutPrefix(identity, prefix)
	if n, err := strconv.Atoi(number); own && err == nil {
		return n
	}
	return -1
}

// Group is the application's group, once it is stable.
func (c *Cluster) Group(ctx context.Context) (g kadm.DescribedGroup, err error) {
	group := c.setup.Topology.App()
	described, err := c.admin.DescribeGroups(ctx, group)
	if err != nil {
		return g, err
	}
	if g = described[group]; g.Err == nil && g.State != "Stable" {
		g.Err = fmt.Errorf("group %s is %s", group, g.State)
	}
	for _, m := range g.Members {
		if m.InstanceID != nil {
			c.peers.seen(*m.InstanceID)
		}
	}
	return g, g.Err
}

// Identity names a worker of a process of an application.
func Identity(app, process string, worker int) string {
	return IdentityPrefix(app, process) + strconv.Itoa(worker)
}

// IdentityPrefix is what the identities of all workers of a process begin with.
func IdentityPrefix(app, process string) string { return app + "-" + process + "-" }

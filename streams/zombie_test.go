package streams_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// TestAZombieWritesNoChangelog: at least once, what a process that was given up has in hand would land behind what its
// successor wrote, and the next restore would take it.
func TestAZombieWritesNoChangelog(t *testing.T) {
	r := newRig(t, "words", "per-key")
	config := func() streams.Config {
		c := r.config(t.TempDir())
		c.Guarantee = streams.AtLeastOnce
		return c
	}
	var stand atomic.Bool
	standing, goOn := make(chan struct{}), make(chan struct{})
	stopZombie := r.startRunning(func(b *streams.Builder) {
		streams.From(b, words).Peek(func(record) {
			if stand.CompareAndSwap(true, false) {
				close(standing)
				<-goOn
			}
		}).GroupByKey().Count(keyRows).ToStream().To(perKey)
	}, config())
	r.send(20)
	r.requireCounts("per-key", 10)

	stand.Store(true)
	r.send(10)
	<-standing
	groups, err := r.admin.DescribeGroups(context.Background(), "app")
	require.NoError(t, err)
	zombie := *groups["app"].Members[0].InstanceID
	_, err = r.admin.LeaveGroup(context.Background(), kadm.LeaveGroup("app").InstanceIDs(zombie))
	require.NoError(t, err)
	stop := r.startRunning(countKeys, config())
	r.send(20)
	r.requireLast(5)
	close(goOn)
	require.Eventually(t, func() bool {
		return strings.Contains(r.log.String(), "membership before a commit")
	}, time.Minute, time.Millisecond)
	r.send(10)
	r.requireLast(6)
	require.NoError(t, stopZombie())
	require.NoError(t, stop())

	stop = r.startRunning(countKeys, config())
	r.send(10)
	r.requireLast(7)
	require.NoError(t, stop())
}

// requireLast waits until each of the ten keys has been counted up to n, and finds no higher count.
func (r *rig) requireLast(n int64) {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics("per-key"))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for done := map[string]bool{}; len(done) < 10; {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%d keys of 10; log:\n%s", len(done), r.log)
		fetches.EachRecord(func(rec *kgo.Record) {
			count, err := serde.Int64.Decode(rec.Value)
			require.NoError(r.t, err)
			require.LessOrEqual(r.t, count, n, "a count is doubled")
			if count == n {
				done[string(rec.Key)] = true
			}
		})
	}
}

package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// prepare creates the topic of positions, or lets it grow: a partition for each split. It looks whether what is there
// keeps positions.
func (r *SourceRunner[K, V]) prepare(ctx context.Context, client *kgo.Client) error {
	admin := kadm.NewClient(client)
	if _, err := listTopics(ctx, admin, []string{r.topic.Name()}); err != nil && ctx.Err() != nil {
		return err
	}
	for backoff := r.config.BackoffMin; ; backoff = min(2*backoff, r.config.BackoffMax) {
		ready, err := r.prepared(ctx, client)
		var setup *SetupError
		if ready || errors.As(err, &setup) {
			return err
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // this process's metadata may be older than the topic
			r.config.Logger.Warn("the topic of positions is not ready: trying again", "topic", r.config.positions(),
				"error", err)
		}
		if err := pause(ctx, backoff); err != nil {
			return err
		}
	}
}

// prepared is true once there is nothing left to do.
func (r *SourceRunner[K, V]) prepared(ctx context.Context, client *kgo.Client) (bool, error) {
	name, admin := r.config.positions(), kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, name, r.topic.Name())
	switch {
	case err != nil:
		return false, err
	case errors.Is(topics[r.topic.Name()].Err, kerr.UnknownTopicOrPartition):
		return false, &SetupError{What: fmt.Sprintf("topic %q", r.topic.Name()), Err: topics[r.topic.Name()].Err}
	case !topics.Has(name):
		return false, r.create(ctx, client)
	case int32(len(topics[name].Partitions)) < r.config.Splits:
		_, err = admin.UpdatePartitions(ctx, int(r.config.Splits), name)
		return false, err
	}
	err = r.checkPolicy(ctx, admin)
	return err == nil, err
}

// create creates the topic of positions, unless there has been one.
func (r *SourceRunner[K, V]) create(ctx context.Context, client *kgo.Client) error {
	name, compact, admin := r.config.positions(), "compact", kadm.NewClient(client)
	begun, err := r.hasBegun(ctx, client)
	if err != nil {
		return err
	}
	if begun && !r.config.AllowNewPositions {
		// Another process that starts has created it before it began: brokers may take a moment to know it.
		topics, err := listTopics(ctx, admin, []string{name})
		if err != nil || topics.Has(name) {
			return err
		}
		return r.lost("has been deleted")
	}
	_, err = admin.CreateTopic(ctx, r.config.Splits, -1, map[string]*string{"cleanup.policy": &compact}, name)
	return err
}

// lost is the error where there have been positions.
func (r *SourceRunner[K, V]) lost(what string) error {
	return &SetupError{What: fmt.Sprintf("topic %q", r.config.positions()), Err: fmt.Errorf("it %s, and this source has "+
		"read before: from its beginning it would write all records a second time; bring the topic back, or, if that is "+
		"what you want, set SourceConfig.AllowNewPositions for the next start", what)}
}

// hasBegun is true if the brokers know a transactional id of this source: nobody has begun to use one before the topic
// of positions was there. Brokers forget those that were not used for a week (transactional.id.expiration.ms).
func (r *SourceRunner[K, V]) hasBegun(ctx context.Context, client *kgo.Client) (bool, error) {
	tells, err := tellsTransactions(ctx, client)
	if err != nil {
		return false, err
	}
	if !tells {
		r.config.Logger.Warn("these brokers, before 3.0, do not tell whether this source has run before: if its topic of "+
			"positions was deleted, it writes all records again", "topic", r.config.positions())
		return false, nil
	}
	ids := make([]string, r.config.Splits)
	for n := range r.config.Splits {
		ids[n] = r.config.transactionalID(n)
	}
	states, err := transactions(ctx, client, ids)
	return len(states) > 0, err
}

// tellsTransactions is true of brokers that describe transactions, and a client that asks them.
func tellsTransactions(ctx context.Context, client *kgo.Client) (bool, error) {
	key := kmsg.DescribeTransactions.Int16()
	if most, ok := client.OptValue(kgo.MaxVersions).(*kversion.Versions); ok && most != nil && !most.HasKey(key) {
		return false, nil
	}
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(versions.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool {
		return k.ApiKey == key
	}), nil
}

// transactions are the states of those transactional ids that the brokers know.
func transactions(ctx context.Context, client *kgo.Client, ids []string) (map[string]string, error) {
	described, err := kadm.NewClient(client).DescribeTransactions(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("transactional ids: %w", err)
	}
	states := map[string]string{}
	for _, d := range described {
		if d.Err == nil {
			states[d.TxnID] = d.State
		} else if !errors.Is(d.Err, kerr.TransactionalIDNotFound) {
			return nil, fmt.Errorf("transactional id %q: %w", d.TxnID, d.Err)
		}
	}
	return states, nil
}

// checkPolicy refuses a topic whose brokers delete positions by age or size.
func (r *SourceRunner[K, V]) checkPolicy(ctx context.Context, admin *kadm.Client) error {
	name := r.config.positions()
	configs, err := admin.DescribeTopicConfigs(ctx, name)
	config, oerr := configs.On(name, nil)
	if err = cmp.Or(err, oerr, config.Err); errors.Is(err, kerr.TopicAuthorizationFailed) {
		r.config.Logger.Warn("whether positions are kept is not known: this user may not DescribeConfigs of their topic, "+
			"whose cleanup.policy must be compact", "topic", name)
		return nil
	} else if err != nil {
		return err
	}
	for _, c := range config.Configs {
		if policy := c.MaybeValue(); c.Key == "cleanup.policy" && policy != "compact" {
			return &SetupError{What: fmt.Sprintf("topic %q", name), Err: fmt.Errorf("its cleanup.policy is %q: positions "+
				"would be deleted; it must be \"compact\": kafka-configs --alter --add-config cleanup.policy=compact", policy)}
		}
	}
	return nil
}

// found are the positions that are there of a split.
type found struct {
	last  []byte // the one that was committed last; nil: none
	any   bool
	moved bool // the log does not begin at offset 0 any more: records were deleted
}

// findAfter is how long positions are waited for before it is looked again where they end: the topic may have been
// created anew, or emptied, since.
const findAfter = 5 * time.Second

func (s *split[K, V]) find(ctx context.Context) (out found, err error) {
	topic := s.config.positions()
	admin := kadm.NewClient(s.client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return out, err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return out, err
	}
	start, _ := starts.Lookup(topic, s.number)
	end, _ := ends.Lookup(topic, s.number)
	if err := cmp.Or(start.Err, end.Err); err != nil {
		return out, err
	}
	out.moved = start.Offset > 0
	if start.Offset >= end.Offset {
		return out, nil
	}
	opts := clientOpts(s.config.Brokers, s.config.Kafka,
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {s.number: kgo.NewOffset().At(start.Offset)}}))
	reader, err := kgo.NewClient(opts...)
	if err != nil {
		return out, err
	}
	defer reader.Close()
	for next := start.Offset; next < end.Offset; {
		wait, cancel := context.WithTimeout(ctx, findAfter)
		fetches := reader.PollFetches(wait)
		cancel()
		if err := fetches.Err(); err != nil {
			return out, fmt.Errorf("read up to %d, ends at %d: %w", next, end.Offset, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				out.last, out.any = r.Value, true
			}
		})
	}
	return out, nil
}

// checkCommitted looks for a position where the brokers tell that the split's last transaction was committed, which has
// had one: there is none if the topic was created anew by hand.
func (s *split[K, V]) checkCommitted(ctx context.Context) error {
	if s.begun[s.number] || s.config.AllowNewPositions {
		return nil
	}
	tells, err := tellsTransactions(ctx, s.client)
	if err != nil || !tells {
		return err
	}
	id := s.config.transactionalID(s.number)
	states, err := transactions(ctx, s.client, []string{id})
	if err != nil || states[id] != "CompleteCommit" {
		return err
	}
	f, err := s.find(ctx)
	if err == nil && !f.any {
		err = s.lostPosition()
	}
	return err
}

// position is the last one that was committed; nil: none, and none has been lost.
func (s *split[K, V]) position(ctx context.Context) ([]byte, error) {
	f, err := s.find(ctx)
	switch {
	case err != nil:
		return nil, err
	case f.any:
		s.begun[s.number] = true
	case s.begun[s.number], f.moved && !s.config.AllowNewPositions: // no consent counts for what happens meanwhile
		return nil, s.lostPosition()
	}
	return f.last, nil
}

func (s *split[K, V]) lostPosition() error {
	return s.lost(fmt.Sprintf("has no position of split %d any more", s.number))
}

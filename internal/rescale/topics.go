package rescale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// appears is how long the brokers may take until all of them know that a topic is there, or gone.
const appears = 30 * time.Second

// partitionsOf are the numbers of partitions of those topics that exist, with their copies.
func partitionsOf(ctx context.Context, admin *kadm.Client, topics ...string) (map[string]kadm.TopicDetail, error) {
	out := map[string]kadm.TopicDetail{}
	if len(topics) == 0 {
		return out, nil
	}
	found, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	for name, t := range found {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		case t.Err != nil:
			return nil, fmt.Errorf("topic %s: %w", name, t.Err)
		default:
			out[name] = t
		}
	}
	return out, nil
}

// until repeats a look until it finds what it waits for.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	for began := time.Now(); ; {
		ok, err := look()
		if ok && err == nil {
			return nil
		}
		if time.Since(began) > appears {
			return errors.Join(fmt.Errorf("%s: still not so after %v", what, appears), err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// recreate makes a topic anew and empty, whether it is there or not.
func recreate(
	ctx context.Context, admin *kadm.Client, topic string, partitions int32, copies int16, configs map[string]*string,
) error {
	if err := remove(ctx, admin, topic); err != nil {
		return err
	}
	return until(ctx, "create topic "+topic, func() (bool, error) {
		_, err := admin.CreateTopic(ctx, partitions, copies, configs, topic)
		exists := errors.Is(err, kerr.TopicAlreadyExists) // on its way out, or made by a request that was repeated
		if err != nil && !exists {
			return false, err
		}
		found, err := partitionsOf(ctx, admin, topic)
		if err != nil || len(found[topic].Partitions) != int(partitions) {
			return false, err
		}
		return !exists || empty(ctx, admin, topic, partitions), nil
	})
}

// empty is true for a topic of so many partitions that nobody has written to.
func empty(ctx context.Context, admin *kadm.Client, topic string, partitions int32) bool {
	at := map[string]map[int32]span{}
	if _, err := listed(ctx, admin, []string{topic}, at); err != nil || len(at[topic]) != int(partitions) {
		return false
	}
	for _, s := range at[topic] {
		if s.to > 0 {
			return false
		}
	}
	return true
}

// remove deletes a topic, if it is there, and waits until it is gone.
func remove(ctx context.Context, admin *kadm.Client, topic string) error {
	return until(ctx, "delete topic "+topic, func() (bool, error) {
		found, err := partitionsOf(ctx, admin, topic)
		if err != nil || len(found) == 0 {
			return err == nil, err
		}
		_, err = admin.DeleteTopic(ctx, topic)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			err = nil
		}
		return false, err
	})
}

// configsOf are the settings that a topic has of its own.
func configsOf(ctx context.Context, admin *kadm.Client, topic string) (map[string]*string, error) {
	described, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("settings of %s: %w", topic, err)
	}
	on, err := described.On(topic, nil)
	if err = errors.Join(err, on.Err); err != nil {
		return nil, fmt.Errorf("settings of %s: %w", topic, err)
	}
	out := map[string]*string{}
	for _, c := range on.Configs {
		if c.Source == dynamicTopicConfig && !c.Sensitive {
			out[c.Key] = c.Value
		}
	}
	return out, nil
}

const dynamicTopicConfig = kmsg.ConfigSourceDynamicTopicConfig

// kept are the settings of a topic while it is being filled: nothing expires before it is compared.
func kept(configs map[string]*string) map[string]*string {
	forever := "-1"
	out := maps.Clone(configs)
	if out == nil {
		out = map[string]*string{}
	}
	out["retention.ms"], out["retention.bytes"] = &forever, &forever
	return out
}

// settle gives a topic that is filled the settings that it is to have.
func settle(ctx context.Context, admin *kadm.Client, topic string, configs map[string]*string) error {
	var changes []kadm.AlterConfig
	for _, name := range []string{"retention.ms", "retention.bytes"} {
		change := kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name}
		if value, ok := configs[name]; ok {
			change.Op, change.Value = kadm.SetConfig, value
		}
		changes = append(changes, change)
	}
	answers, err := admin.AlterTopicConfigs(ctx, changes, topic)
	if err == nil {
		_, err = answers.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	}
	if err != nil {
		return fmt.Errorf("settings of %s: %w", topic, err)
	}
	return nil
}

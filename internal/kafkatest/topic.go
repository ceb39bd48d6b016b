package kafkatest

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience is how long a broker may take for a topic. Without an end, a test whose broker is gone would not say so.
const patience = 30 * time.Second

var names atomic.Int64

// Name is a name that no other test uses, on any broker: for topics, groups and applications.
func Name(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), names.Add(1))
}

// Topic creates a topic with a name of its own, which begins with the prefix, and returns the name. The topic keeps its
// records whatever their age, unless configs says otherwise.
func Topic(tb testing.TB, brokers []string, prefix string, partitions int, configs map[string]string) string {
	tb.Helper()
	name := Name(prefix)
	if err := create(brokers, name, int32(partitions), configs); err != nil {
		tb.Fatalf("kafkatest: topic %s: %v", name, err)
	}
	return name
}

// CreateTopic creates a topic that keeps its records whatever their age, under a name that the test chose.
func CreateTopic(tb testing.TB, brokers []string, topic string, partitions int32) {
	tb.Helper()
	if err := create(brokers, topic, partitions, nil); err != nil {
		tb.Fatalf("kafkatest: topic %s: %v", topic, err)
	}
}

func create(brokers []string, topic string, partitions int32, configs map[string]string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := map[string]string{"retention.ms": "-1"}
	maps.Copy(all, configs)
	_, err = kadm.NewClient(client).CreateTopic(ctx, partitions, -1, pointers(all), topic)
	return err
}

func pointers(configs map[string]string) map[string]*string {
	out := make(map[string]*string, len(configs))
	for k, v := range configs {
		out[k] = &v
	}
	return out
}

package cluster

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Role is what a Kafka client of an application does.
type Role string

// The roles. An application has one admin client for all its life. Each worker has one client of its own for each
// session, one for the global tables, if there are any, and one for each restore.
const (
	AdminRole   Role = "admin"
	WorkerRole  Role = "worker"
	GlobalRole  Role = "global"
	RestoreRole Role = "restore"
)

// MetadataMinAge is the least time between two looks at the metadata.
//
// With several brokers, the first records of a transaction are often refused as CONCURRENT_TRANSACTIONS, since markers
// of the transaction before it are still on their way (KIP-890). The client looks at the metadata before it sends them
// again; with its own least time between two looks, five seconds, so long would most commits take, and the way to a
// partition's new leader.
const MetadataMinAge = 50 * time.Millisecond

// Tuning is what the library sets before the options of the user, who may know better. Records are sent without
// compression, as Kafka Streams does by default.
//
// The client has one fetch under way for each broker, and one without input lasts as long as its wait: a partition that
// is resumed meanwhile stands still until then. Hence the short wait, which is what an idle worker costs.
func Tuning() []kgo.Opt {
	return []kgo.Opt{
		kgo.MetadataMinAge(MetadataMinAge),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.FetchMaxBytes(16 << 20),
		kgo.MaxConcurrentFetches(2),
		kgo.ProducerLinger(20 * time.Millisecond),
		kgo.MaxBufferedRecords(50_000),
		kgo.MaxBufferedBytes(32 << 20),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
}

// SettingsError is a mistake in the settings that shows only when they are used.
type SettingsError struct {
	Setting string // of streams.Config
	Err     error
}

func (e *SettingsError) Error() string { return fmt.Sprintf("%v: see %s", e.Err, e.Setting) }

func (e *SettingsError) Unwrap() error { return e.Err }

// NewClient makes a client without asking a broker: an error is one of its options. own are those that the library sets
// after the user's.
func NewClient(role Role, user []kgo.Opt, own ...kgo.Opt) (*kgo.Client, error) {
	if role == RestoreRole { // it lives for a moment, and its end does not wait until brokers have its metrics
		own = append(own, kgo.DisableClientMetrics())
	}
	client, err := kgo.NewClient(append(user, own...)...)
	if err != nil {
		return nil, &SettingsError{"Config.Kafka and Config.SessionTimeout", fmt.Errorf("kafka client: %w", err)}
	}
	if err = harmless(client); err == nil && role != WorkerRole {
		err = anonymous(client, role)
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// harmless is an error if the user has set an option that undoes what the library promises.
func harmless(client *kgo.Client) error {
	on := func(option any) bool { return client.OptValue(option) == true }
	return refuse([]option{
		{"AllowAutoTopicCreation", "a topic that is gone would be made anew, and empty", on(kgo.AllowAutoTopicCreation)},
		{"ConsumeRegex", "names of topics would be taken for patterns: use FromPattern", on(kgo.ConsumeRegex)},
		{"DisableIdempotentWrite", "records would be doubled and change places", on(kgo.DisableIdempotentWrite)},
		{"RequiredAcks", "records would be lost with a broker", client.OptValue(kgo.RequiredAcks) != kgo.AllISRAcks()},
	})
}

// anonymous is an error if the user has set an option for a client outside of the group that says who it is or what it
// reads: that is up to the library.
func anonymous(client *kgo.Client, role Role) error {
	const why = "it is the library's to set"
	set := func(option any) bool { return client.OptValues(option)[1] == true }
	topics, _ := client.OptValue(kgo.ConsumeTopics).([]string)
	partitions, _ := client.OptValue(kgo.ConsumePartitions).(map[string]map[int32]kgo.Offset)
	return refuse([]option{
		{"ConsumerGroup", "the group is the application's id: see Config.AppID", client.OptValue(kgo.ConsumerGroup) != ""},
		{"InstanceID", why, set(kgo.InstanceID)},
		{"TransactionalID", why + ": see Config.Guarantee", set(kgo.TransactionalID)},
		{"ConsumeTopics", why + ": topics are read with From", len(topics) > 0},
		{"ConsumePartitions", why + ": topics are read with From", role == AdminRole && len(partitions) > 0},
	})
}

// option is one of a client that a user may have set.
type option struct {
	name, why string
	set       bool
}

func refuse(options []option) error {
	for _, o := range options {
		if o.set {
			return &SettingsError{"Config.Kafka", fmt.Errorf("option kgo.%s must not be set: %s", o.name, o.why)}
		}
	}
	return nil
}

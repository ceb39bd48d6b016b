package streams

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/settings"
)

// FromProperties reads a Config from a properties file, as Kafka Streams' programs have one, in Java's format and with
// the same names (StreamsConfig, and the settings of its clients): docs/configuration.md lists them. What a name has no
// counterpart for, or is unknown, is an error, and all errors are told at once; values of secrets are in none of them.
// Settings that are left out keep their defaults.
func FromProperties(r io.Reader) (Config, error) {
	values, err := settings.Properties(r)
	if err != nil {
		return Config{}, fmt.Errorf("streams: settings: %w", err)
	}
	return configOf(values)
}

// FromEnv reads a Config from the variables of the environment that begin with a prefix: PREFIX_COMMIT_INTERVAL_MS is
// commit.interval.ms of FromProperties. A variable with the prefix that is no setting is an error, so the prefix should
// be the application's own, with an underscore at its end; it must not be empty.
func FromEnv(prefix string) (Config, error) {
	values, err := settings.Environment(prefix, os.Environ())
	if err != nil {
		return Config{}, fmt.Errorf("streams: settings: %w", err)
	}
	return configOf(values)
}

func configOf(v *settings.Values) (Config, error) {
	var c Config
	c.Brokers, c.Kafka = v.Client()
	readApplication(v, &c)
	readTopics(v, &c)
	readTimes(v, &c)
	readErrors(v, &c)
	refuseOthers(v)
	v.Rest()
	if err := v.Err(); err != nil {
		return Config{}, fmt.Errorf("streams: settings: %w", err)
	}
	return c, nil
}

func readApplication(v *settings.Values, c *Config) {
	v.Text("application.id", &c.AppID)
	v.Text("state.dir", &c.StateDir)
	settings.Choice(v, "processing.guarantee", &c.Guarantee, map[string]Guarantee{
		"exactly_once_v2": ExactlyOnce, "at_least_once": AtLeastOnce,
	})
	settings.Number(v, "num.stream.threads", 1, &c.Workers)
	settings.Number(v, "memory.bytes", 1, &c.MemoryBytes)
	settings.Number(v, "buffered.records.per.partition", 1, &c.BufferedRecords)
	v.Text("application.server", &c.Endpoint)
	if c.Endpoint != "" && !strings.Contains(c.Endpoint, "://") {
		c.Endpoint = "http://" + c.Endpoint // Kafka Streams has host:port
	}
	v.Bool("stay.on.stop", &c.StayOnStop)
}

func readTopics(v *settings.Values, c *Config) {
	settings.Number(v, "replication.factor", -1, &c.ReplicationFactor)
	if configs := v.Below("topic."); len(configs) > 0 {
		c.TopicConfigs = configs
	}
	v.Milliseconds("windowstore.changelog.additional.retention.ms", 1, &c.WindowRetention)
	v.Milliseconds("metadata.max.age.ms", 1, &c.TopicRefresh)
	v.Bool("allow.new.stores", &c.AllowNewStores)
	var accepted []string
	v.List("accept", &accepted)
	words := map[string]Accept{
		"lost-offsets": AcceptLostOffsets, "lost-input": AcceptLostInput, "lost-state": AcceptLostState,
	}
	for _, word := range accepted {
		if words[word] == 0 {
			v.Wrong("accept", "has %q: use lost-offsets, lost-input and lost-state, with commas between them", word)
		}
		c.Accept |= words[word]
	}
}

func readTimes(v *settings.Values, c *Config) {
	v.Milliseconds("commit.interval.ms", 1, &c.CommitInterval)
	v.Milliseconds("session.timeout.ms", 1, &c.SessionTimeout)
	v.Milliseconds("transaction.timeout.ms", 1, &c.TransactionTimeout)
	v.Milliseconds("stall.timeout.ms", 1, &c.StallTimeout)
	v.Milliseconds("start.timeout.ms", 1, &c.StartTimeout)
	v.Milliseconds("shutdown.timeout.ms", 1, &c.ShutdownTimeout)
	v.Milliseconds("max.task.idle.ms", 0, &c.MaxIdle)
	v.Milliseconds("max.time.jump.ms", 0, &c.MaxTimeJump)
	v.Milliseconds("state.cleanup.delay.ms", 1, &c.CleanupDelay)
	if text, given := v.Get("set.time.back"); given {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			v.Wrong("set.time.back", "is %q: it is a time as 2026-01-31T12:00:00Z", text)
		}
		c.SetTimeBack = at
	}
}

func readErrors(v *settings.Values, c *Config) {
	action := Fail
	settings.Choice(v, "on.error", &action, map[string]ErrorAction{
		"fail": Fail, "skip": Skip, "dead-letter": DeadLetter,
	})
	c.OnError = action
	v.Text("errors.dead.letter.queue.topic.name", &c.DeadLetterTopic)
}

// refuseOthers names what Kafka Streams has and Millstream has not.
func refuseOthers(v *settings.Values) {
	for name, values := range map[string][]string{
		"num.standby.replicas": {"0"}, "enable.auto.commit": {"false"}, "isolation.level": {"read_committed"},
	} {
		v.Only(name, "it is the library's to set", values...)
	}
	for name, what := range noCounterpart {
		v.Instead(name, what)
	}
}

const (
	inTopic    = "it is declared with the topic or store in the code"
	inOnError  = "use on.error, or Config.OnError for one's own"
	inMemory   = "use memory.bytes, the memory for all state"
	noPolls    = "the group's heartbeats do not depend on how long a record takes"
	inMetrics  = "metrics are levelled where they are asked for, see docs/metrics.md"
	byPattern  = "extractors of time are declared with the topic in the code"
	noBatching = "batches end with linger.ms or max.request.size"
)

var noCounterpart = map[string]string{
	"auto.offset.reset": inTopic, "default.key.serde": inTopic, "default.value.serde": inTopic,
	"default.timestamp.extractor":               byPattern,
	"default.deserialization.exception.handler": inOnError, "deserialization.exception.handler": inOnError,
	"default.production.exception.handler": inOnError, "production.exception.handler": inOnError,
	"processing.exception.handler": inOnError,
	"cache.max.bytes.buffering":    inMemory, "statestore.cache.max.bytes": inMemory, "rocksdb.config.setter": inMemory,
	"buffer.memory": inMemory, "max.poll.interval.ms": noPolls, "max.poll.records": noPolls, "poll.ms": noPolls,
	"metrics.recording.level": inMetrics, "metric.reporters": inMetrics, "batch.size": noBatching,
	"topology.optimization":   "the topology is built as it is written",
	"upgrade.from":            "versions one apart work together, see docs/operations.md",
	"acceptable.recovery.lag": "there are no standbys", "max.warmup.replicas": "there are no standbys",
	"group.id": "it is application.id", "transactional.id": "it follows from application.id",
}

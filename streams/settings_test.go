package streams_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millstream-go/millstream/streams"
)

// TestFromProperties: each name sets its field.
func TestFromProperties(t *testing.T) {
	c, err := streams.FromProperties(strings.NewReader(`
application.id=orders
bootstrap.servers = one:9092, two:9092
state.dir=/var/lib/orders
processing.guarantee=at_least_once
commit.interval.ms=2000
num.stream.threads=4
memory.bytes=1073741824
buffered.records.per.partition=500
application.server=10.0.0.7:8080
stay.on.stop=true
replication.factor=3
topic.min.insync.replicas=2
topic.segment.bytes=1000000
windowstore.changelog.additional.retention.ms=3600000
metadata.max.age.ms=5000
allow.new.stores=true
accept=lost-offsets, lost-state
consumer.session.timeout.ms=20000
producer.transaction.timeout.ms=30000
max.task.idle.ms=50
state.cleanup.delay.ms=9223372036854775807
max.time.jump.ms=86400000
stall.timeout.ms=60001
start.timeout.ms=1000
shutdown.timeout.ms=10000
set.time.back=2026-01-31T12:00:00Z
on.error=dead-letter
errors.dead.letter.queue.topic.name=orders-dead
num.standby.replicas=0
acks=all
`))
	require.NoError(t, err)
	require.Greater(t, c.CleanupDelay, 280*365*24*time.Hour)
	c.CleanupDelay = 0
	require.Equal(t, streams.Config{
		AppID: "orders", Brokers: []string{"one:9092", "two:9092"}, StateDir: "/var/lib/orders",
		Guarantee: streams.AtLeastOnce, CommitInterval: 2 * time.Second, Workers: 4, MemoryBytes: 1 << 30,
		BufferedRecords: 500, Endpoint: "http://10.0.0.7:8080", StayOnStop: true, ReplicationFactor: 3,
		TopicConfigs:    map[string]string{"min.insync.replicas": "2", "segment.bytes": "1000000"},
		WindowRetention: time.Hour, TopicRefresh: 5 * time.Second, AllowNewStores: true,
		Accept: streams.AcceptLostOffsets | streams.AcceptLostState, SessionTimeout: 20 * time.Second,
		TransactionTimeout: 30 * time.Second, MaxIdle: 50 * time.Millisecond, MaxTimeJump: 24 * time.Hour,
		StallTimeout: 60_001 * time.Millisecond, StartTimeout: time.Second, ShutdownTimeout: 10 * time.Second,
		SetTimeBack: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), OnError: streams.DeadLetter,
		DeadLetterTopic: "orders-dead", Kafka: c.Kafka,
	}, c)
}

func TestFromEnv(t *testing.T) {
	t.Setenv("ORDERS_BOOTSTRAP_SERVERS", "one:9092")
	t.Setenv("ORDERS_COMMIT_INTERVAL_MS", "200")
	t.Setenv("ORDERS_TOPIC_MIN_INSYNC_REPLICAS", "2")
	c, err := streams.FromEnv("ORDERS_")
	require.NoError(t, err)
	require.Equal(t, []string{"one:9092"}, c.Brokers)
	require.Equal(t, 200*time.Millisecond, c.CommitInterval)
	require.Equal(t, map[string]string{"min.insync.replicas": "2"}, c.TopicConfigs)
	t.Setenv("ORDERS_COMIT_INTERVAL_MS", "200")
	t.Setenv("ORDERS_NUM_STREAM_THREADS", "many")
	_, err = streams.FromEnv("ORDERS_")
	require.EqualError(t, err, "streams: settings: ORDERS_COMIT_INTERVAL_MS is not a setting that is known: "+
		"did you mean ORDERS_COMMIT_INTERVAL_MS? see docs/configuration.md\n"+
		`ORDERS_NUM_STREAM_THREADS is "many": it is a whole number, 1 or more`)
	_, err = streams.FromEnv("")
	require.ErrorContains(t, err, "every variable")
}

// TestWrongSettings are told all at once, with what to do, and without secrets.
func TestWrongSettings(t *testing.T) {
	for text, said := range map[string]string{
		"processing.guarantee=exactly_once":                        `"exactly_once": use at_least_once, exactly_once_v2`,
		"commit.interval.ms=0":                                     `commit.interval.ms is "0"`,
		"num.stream.threads=3000000000000000000000":                `num.stream.threads is "3000000000000000000000"`,
		"replication.factor=70000":                                 `replication.factor is "70000"`,
		"stay.on.stop=yes":                                         `stay.on.stop is "yes": use false, true`,
		"accept=lost-offsets,all":                                  `accept has "all"`,
		"set.time.back=yesterday":                                  `set.time.back is "yesterday"`,
		"on.error=LogAndContinueExceptionHandler":                  "use dead-letter, fail, skip",
		"processing.exception.handler=a.B":                         "use on.error",
		"num.standby.replicas=1":                                   `num.standby.replicas is "1", but`,
		"default.key.serde=a.B":                                    "declared with the topic",
		"acks=1":                                                   `acks is "1", but the library waits for all replicas`,
		"consumer.isolation.level=read_uncommitted":                "it is the library's to set",
		"linger.ms=5\nproducer.linger.ms=6":                        "producer.linger.ms is given, and linger.ms with another value",
		"bootstrap.servers= ,":                                     "bootstrap.servers names no broker: give host:port",
		"admin.client.id=a":                                        "admin.client.id is not a setting that is known",
		"fetch.max.bytes=0":                                        `fetch.max.bytes is "0"`,
		"compression.type=brotli":                                  "use gzip, lz4, none, snappy, zstd",
		"sasl.mechanism=PLAIN":                                     "security.protocol is without SASL",
		"security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI":        `sasl.mechanism is "GSSAPI": use PLAIN`,
		"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN":         "sasl.jaas.config is missing",
		"security.protocol=SSL\nssl.truststore.location=trust.jks": "ssl.truststore.location is a Java key store",
		"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.location=gone.pem": "ssl.truststore.location cannot be read",
		"security.protocol=SSL\nssl.truststore.type=PEM\nssl.truststore.certificates=none": "ssl.truststore.certificates holds no certificate",
		"security.protocol=SSL\nssl.key.password=" + password:                              "decrypt it",
		"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=" + password:   "sasl.jaas.config is not as in",
		"ssl.keystore.type=PEM\nssl.keystore.key=" + password:                              "ssl.keystore.key needs",
		"secret=" + password: "secret is not a setting that is known",
	} {
		_, err := streams.FromProperties(strings.NewReader(text))
		require.ErrorContains(t, err, said, text)
		require.NotContains(t, err.Error(), password)
		_, err = streams.FromProperties(strings.NewReader(text + "\nnum.stream.threads.=1"))
		require.ErrorContains(t, err, said, text)
		require.ErrorContains(t, err, "num.stream.threads. is not")
	}
}

// TestSettingsReachASecuredBroker: an application that is configured by properties alone runs where brokers want TLS and
// a password, and is refused without either.
func TestSettingsReachASecuredBroker(t *testing.T) {
	own := certificate(t)
	signed, err := x509.ParseCertificate(own.Certificate[0])
	require.NoError(t, err)
	trust := filepath.Join(t.TempDir(), "trust.pem")
	require.NoError(t, os.WriteFile(trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed.Raw}), 0o600))
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "words", "per-key", "per-word"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{own}}), kfake.EnableSASL(),
		kfake.Superuser("SCRAM-SHA-512", "app", password))
	require.NoError(t, err)
	defer fake.Close()
	secured := "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location=" + trust + "\n" +
		"sasl.mechanism=SCRAM-SHA-512\nstart.timeout.ms=10000\nbootstrap.servers=" + strings.Join(fake.ListenAddrs(), ",") + "\n"
	login := "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"app\" password=\""
	wrongPassword := login + "wrong\";"
	run := func(more string) error {
		config, err := streams.FromProperties(strings.NewReader(secured + more))
		require.NoError(t, err)
		r := &rig{t: t, fake: fake, log: &syncBuffer{}}
		base := r.config(t.TempDir())
		config.StateDir, config.Logger = base.StateDir, base.Logger
		if more == wrongPassword {
			return r.run(countWords, config)
		}
		return r.startRunning(countWords, config)()
	}
	require.NoError(t, run(login+password+"\";"))
	require.NoError(t, run("ssl.endpoint.identification.algorithm=\nsasl.username=app\nsasl.password="+password))
	var refused *streams.SecurityError
	require.ErrorAs(t, run(wrongPassword), &refused)
}

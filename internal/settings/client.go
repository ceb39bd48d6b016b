package settings

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumer and producer are the settings that Java knows of one kind of client, and takes with a prefix, too. The
// library has one client for both.
var (
	consumer = []string{
		"auto.offset.reset", "client.rack", "enable.auto.commit", "fetch.max.bytes", "fetch.max.wait.ms",
		"fetch.min.bytes", "isolation.level",
		"max.partition.fetch.bytes", "max.poll.interval.ms", "max.poll.records", "session.timeout.ms",
	}
	producer = []string{
		"acks", "batch.size", "buffer.memory", "compression.type", "enable.idempotence", "linger.ms",
		"max.request.size", "transaction.timeout.ms",
	}
)

// Client are the settings of a Kafka client: addresses of brokers, and options for the rest. What is wrong is in Err.
func (v *Values) Client() (brokers []string, opts []kgo.Opt) {
	v.Rename("consumer.", consumer)
	v.Rename("main.consumer.", consumer)
	v.Rename("producer.", producer)
	v.List("bootstrap.servers", &brokers)
	if _, given := v.Get("bootstrap.servers"); given && len(brokers) == 0 {
		v.Wrong("bootstrap.servers", "names no broker: give host:port, with commas between them")
	}
	given := func(opt kgo.Opt) { opts = append(opts, opt) }
	v.name("client.id", func(s string) { given(kgo.ClientID(s)) })
	v.name("client.rack", func(s string) { given(kgo.Rack(s)) })
	v.wait("metadata.max.age.ms", 1, func(d time.Duration) { given(kgo.MetadataMaxAge(d)) })
	v.wait("connections.max.idle.ms", 1, func(d time.Duration) { given(kgo.ConnIdleTimeout(d)) })
	v.wait("socket.connection.setup.timeout.ms", 1, func(d time.Duration) { given(kgo.DialTimeout(d)) })
	v.wait("fetch.max.wait.ms", 1, func(d time.Duration) { given(kgo.FetchMaxWait(d)) })
	v.size("fetch.min.bytes", func(n int32) { given(kgo.FetchMinBytes(n)) })
	v.size("fetch.max.bytes", func(n int32) { given(kgo.FetchMaxBytes(n)) })
	v.size("max.partition.fetch.bytes", func(n int32) { given(kgo.FetchMaxPartitionBytes(n)) })
	v.size("max.request.size", func(n int32) { given(kgo.ProducerBatchMaxBytes(n)) })
	v.wait("linger.ms", 0, func(d time.Duration) { given(kgo.ProducerLinger(d)) })
	codec := kgo.NoCompression()
	Choice(v, "compression.type", &codec, map[string]kgo.CompressionCodec{
		"none": codec, "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression(),
	})
	if _, set := v.Get("compression.type"); set {
		given(kgo.ProducerBatchCompression(codec))
	}
	v.Only("acks", "the library waits for all replicas", "all", "-1")
	v.Only("enable.idempotence", "the library needs it", "true")
	return brokers, append(opts, v.security()...)
}

// name is a word, if there is one.
func (v *Values) name(name string, set func(string)) {
	if value, given := v.Get(name); given {
		set(value)
	}
}

// wait is a duration, if there is one, of least milliseconds or more.
func (v *Values) wait(name string, least int64, set func(time.Duration)) {
	d := time.Duration(-1)
	if v.Milliseconds(name, least, &d); d >= 0 {
		set(d)
	}
}

// size is a number of bytes, if there is one.
func (v *Values) size(name string, set func(int32)) {
	var n int32
	if Number(v, name, 1, &n) {
		set(n)
	}
}

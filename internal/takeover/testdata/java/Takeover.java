import static org.apache.kafka.streams.kstream.Suppressed.BufferConfig.unbounded;
import static org.apache.kafka.streams.kstream.Suppressed.untilWindowCloses;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The topology of topology.go with Kafka Streams: the same topics, stores and names. It runs until its standard input
 * ends. Arguments: brokers, application id, state directory.
 */
public class Takeover {
  static final Serde<String> S = Serdes.String();
  static final Serde<Long> L = Serdes.Long();

  public static void main(String[] args) throws Exception {
    String app = args[1];
    KafkaStreams streams = new KafkaStreams(build(app).build(), settings(args[0], app, args[2]));
    streams.setUncaughtExceptionHandler(
        e -> {
          e.printStackTrace();
          Runtime.getRuntime().halt(1);
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.start();
    while (System.in.read() >= 0) {}
    if (!streams.close(Duration.ofSeconds(60))) {
      System.exit(2);
    }
  }

  static Properties settings(String brokers, String app, String dir) {
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, app);
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    p.put(StreamsConfig.STATE_DIR_CONFIG, dir);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, S.getClass());
    p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, S.getClass());
    p.put("consumer.auto.offset.reset", "earliest");
    p.put("consumer.session.timeout.ms", 6000); // the group counts a process that was closed for so long
    p.put("consumer.heartbeat.interval.ms", 500);
    p.put("__emit.interval.ms.kstreams.windowed.aggregation__", 0L);
    p.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
    return p;
  }

  static StreamsBuilder build(String app) {
    StreamsBuilder b = new StreamsBuilder();
    KStream<String, String> events = b.stream(app + ".events");
    KStream<String, String> others = b.stream(app + ".others");
    KTable<String, String> left = b.table(app + ".left", rows("left-rows", S));
    KTable<String, String> right = b.table(app + ".right", rows("right-rows", S));

    KGroupedStream<String, String> group = events.groupByKey();
    group.count(rows("counts", L)).toStream().to(app + ".counted", Produced.with(S, L));
    group.reduce((a, v) -> last(a + v), rows("reduced", S)).toStream().to(app + ".reduced-out");
    events
        .groupBy((k, v) -> v.substring(0, 1), Grouped.as("by-letter"))
        .aggregate(() -> "", (k, v, a) -> last(v + a), rows("letters", S))
        .toStream()
        .to(app + ".lettered");

    TimeWindows tumbling = TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5));
    TimeWindows hopping = tumbling.advanceBy(Duration.ofSeconds(4));
    windowed(group.windowedBy(tumbling).count(windows("tumbling")), app + ".tumbled");
    windowed(group.windowedBy(hopping).count(windows("hopping")), app + ".hopped");
    // By its default of size and grace, a record that lets stream time jump expires windows before they are emitted.
    windowed(
        group
            .windowedBy(tumbling)
            .emitStrategy(EmitStrategy.onWindowClose())
            .count(windows("closing").withRetention(Duration.ofMinutes(10))),
        app + ".closed");
    windowed(
        group.windowedBy(tumbling).count(windows("suppressing")).suppress(
            untilWindowCloses(unbounded()).withName("suppressed")),
        app + ".suppressed-out");
    windowed(
        group
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(2), Duration.ofSeconds(5)))
            .count(Materialized.<String, Long, SessionStore<Bytes, byte[]>>as("sessions").withKeySerde(S).withValueSerde(L)),
        app + ".sessioned");

    JoinWindows within = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(3), Duration.ofSeconds(5));
    events.join(others, Takeover::pair, within, joined("inner")).to(app + ".joined");
    events.leftJoin(others, Takeover::pair, within, joined("left")).to(app + ".left-joined");
    events.outerJoin(others, Takeover::pair, within, joined("outer")).to(app + ".outer-joined");
    events.leftJoin(left, Takeover::pair).to(app + ".enriched");

    left.outerJoin(right, Takeover::pair, rows("both-rows", S)).toStream().to(app + ".both");
    left.leftJoin(
            right,
            v -> v == null ? null : v.substring(0, 2),
            Takeover::pair,
            TableJoined.as("foreign"),
            rows("foreign-rows", S))
        .toStream()
        .to(app + ".pointed");
    left.groupBy((k, v) -> KeyValue.pair(v.substring(0, 2), v), Grouped.as("by-pointer"))
        .count(rows("pointers", L))
        .toStream()
        .to(app + ".grouped", Produced.with(S, L));
    KTable<String, String> history =
        b.table(
            app + ".history", Materialized.as(Stores.persistentVersionedKeyValueStore("history-rows", Duration.ofSeconds(20))));
    others.leftJoin(history, Takeover::pair).to(app + ".as-of");
    return b;
  }

  static String pair(String a, String b) {
    return a + "/" + b;
  }

  static String last(String s) {
    return s.length() <= 12 ? s : s.substring(s.length() - 12);
  }

  static <V> Materialized<String, V, KeyValueStore<Bytes, byte[]>> rows(String name, Serde<V> values) {
    return Materialized.<String, V, KeyValueStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(values);
  }

  static Materialized<String, Long, WindowStore<Bytes, byte[]>> windows(String name) {
    return Materialized.<String, Long, WindowStore<Bytes, byte[]>>as(name).withKeySerde(S).withValueSerde(L);
  }

  static StreamJoined<String, String, String> joined(String name) {
    return StreamJoined.with(S, S, S).withName(name + "-join").withStoreName(name + "-join");
  }

  /** What comes out has the window in its value. Deleted sessions are null. */
  static void windowed(KTable<Windowed<String>, Long> table, String topic) {
    table
        .toStream()
        .map((w, n) -> KeyValue.pair(w.key(), w.window().start() + "-" + w.window().end() + ":" + n))
        .to(topic);
  }
}

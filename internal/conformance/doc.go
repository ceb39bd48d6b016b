// Package conformance runs scenario files: a topology, input steps, and the answers that Kafka Streams 4.3.1 gives.
// Each topology is built through the public DSL and run in testkit.Driver.
//
// The tests run samples of them through streams.App as well, on a broker within the process and, with
// MILLSTREAM_KAFKA=1, on a real Kafka: undisturbed, and in processes that are stopped and killed between and within
// steps, half of the times with their state. MILLSTREAM_CONFORMANCE_ALL=1 takes all scenarios in place of the samples.
package conformance

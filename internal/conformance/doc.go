// Package conformance runs scenario files: a topology, input steps, and the answers that Kafka Streams 4.3.1 gives.
// Each topology is built through the public DSL and run in testkit.Driver.
package conformance

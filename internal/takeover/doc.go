// Package takeover has the test of one claim: an application of Kafka Streams can be taken over, with its offsets and
// state, and given back. One topology is written in both languages, here and in testdata/java, with the same names.
package takeover

// Package demo is what the examples share: a broker within the process or a real Kafka, the command line, topics, the
// input, and the check of the results.
//
// A small example is one value of Example. Its Main creates the topics, sends the input, runs the application until it
// has caught up, stops it, prints the results that a reader of committed records sees, and compares them with those
// that the example wants. The parts it is made of are exported for an example that does more.
package demo

// Package testkit runs a topology in a test, without a broker.
//
// A Driver runs the production tasks over any number of partitions: records are routed by the partitioner of Kafka's
// Java client, travel through repartition topics to the tasks of other sub-topologies, and become visible when their
// transaction commits. Nothing runs by itself: there is no goroutine and no sleep, the wall clock starts at 0 and moves
// when the test says so, and the same calls always give the same results.
//
//	d := testkit.New(t, topo)
//	testkit.Input(d, Orders).Pipe("k1", Order{Cents: 100}, at)
//	got := testkit.Output(d, Totals).Read()
//
// What the topology does not have is a mistake, which fails the test and names what it has: topics to feed that it does
// not read, topics to read that it does not write, other serdes or types than it declares, stores, partitions out of
// range, a clock set back, a driver that is closed. So a test that nothing comes out does not pass because of a name.
//
// Topics that the topology reads and writes in a circle, as for another try, are followed until the records have left
// it; it is an error when each has gone round a thousand times.
//
// An upgrade is two drivers on one directory, the second of which goes on with the topics, the committed offsets and
// the stores that the first one leaves:
//
//	dir := t.TempDir()
//	old := testkit.New(t, before, testkit.Pebble(dir))
//	testkit.Input(old, Orders).Pipe("k1", Order{Cents: 100}, at)
//	old.Close()
//	d := testkit.New(t, after, testkit.Pebble(dir))
//	testkit.Input(d, Orders).Pipe("k1", Order{Cents: 1}, at)
//
// A topic that a source reads by pattern is there from the first record on that is piped or written to it, or from the
// start if PartitionsOf names it.
//
// AssertTopology fails a test when the topology would orphan state that is deployed, by a lock file beside the code:
//
//	testkit.AssertTopology(t, topo, "topology.lock")
//
// Stores keep values as they are, without copies. The driver looks after each of them: one that is changed in place, a
// map for example, is an error that names the store, state.ErrChangedInPlace.
//
// A serde must give a key the same bytes each time, and so a row that is compared: the driver encodes them more than
// once, and an error, serde.ErrUnsteady, names the step, the key and the serde that does not.
//
// What the driver does not have: brokers, groups of several processes, and the retention of topics. Topics are empty
// when the first driver starts, so where a topic is read from without a committed offset makes no difference. Package
// testkit/broker has a broker within the process, for tests of a whole application.
package testkit

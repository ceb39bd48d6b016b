// Package cluster tries a topology against failures: several instances of an application run over a broker within the
// process, in virtual time, while a script of faults that a seed gives goes on: processes are killed in the middle of a
// commit, disks are lost, full, slow or damaged, networks freeze, replies vanish, brokers go away, clocks are set,
// functions take minutes, the number of workers changes, instances are upgraded one after the other. Afterwards the
// results must be those of the test driver, and what each store holds must be what its changelog gives when it is read
// from the start. All the time, no committed offset and no stream time may go back, no partition may have two owners,
// no transaction may be open for longer than its timeout, and nobody may wait without saying for what.
//
// Some faults take away what an application counts on: offsets of the group, records of an input, a changelog. Then
// it must end with one of the errors of docs/failures.md, is told to go on (Config.Accept), and must; or its results
// must be right all the same.
//
//	func TestTotalsSurvive(t *testing.T) {
//		cluster.Run(t, cluster.Job{
//			Topology: build,
//			Inputs:   []cluster.Input{cluster.In(Orders, 4, orders...)},
//			Outputs:  []cluster.Output{cluster.Out(Totals, 4, cluster.Same)},
//		})
//	}
//
// Time is that of testing/synctest: minutes pass in milliseconds, and nothing waits for the machine. The locks of the
// Kafka client stand in its way unless the test is built with a tag:
//
//	go test -tags synctests ./...
//
// A failure prints its seed and the faults that are left when all have been taken out that it does not need.
// MILLSTREAM_SIM_SEED sets the first seed, MILLSTREAM_SIM_SEEDS how many are tried, MILLSTREAM_SIM_TIME for how long at
// most. A seed gives the same faults at the same times, and not the same order of goroutines: repeat it a few times.
package cluster

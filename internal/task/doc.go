// Package task holds every decision of a running topology, and no effect: it starts no goroutine, reads no clock and
// talks to no network.
//
// A Task is one sub-topology for one partition of its inputs, a Set is all tasks of one worker. The owner of a Set
// feeds it and carries out what it says:
//
//	t, _ := set.Open(id, engine)         // a task that was assigned
//	for _, c := range t.Changelogs() {}  // read each changelog from c.From to its end: t.Restore
//	set.Start(t, committed)              // the committed offsets, read before the ends of the changelogs
//	for {
//		set.Add(input, records)          // what was fetched
//		set.Step(now, 1000)              // process up to so many records
//		send(set.Outputs())              // what they produced
//		if set.CommitDue(now) {
//			commit, _ := set.Prepare(send) // changelog records; offsets to commit
//			...                          // flush, send offsets, end the transaction
//			set.Committed(now)           // or Abort, then restore and Start anew
//		}
//	}
//
// All of it runs on one goroutine. The worker package does so against Kafka, testkit.Driver against memory.
package task

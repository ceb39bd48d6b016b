// Package rescale changes the number of partitions of an application's inputs, and takes its state along.
//
// The rows of a store lie in the partition of their records' key, so another number of partitions is another layout of
// each changelog. It is made while the application stands still, in steps that may each be broken off and repeated:
//
//   - planned: what is there fits together, every record of the inputs is processed, every row lies where its key says
//   - marked: the committed offsets tell that a change is under way; no application starts on them
//   - saved: each internal topic that changes is copied, row by row, to a topic beside it, and the copy is compared
//   - rewritten: each is deleted and made anew in the new layout from its copy, and that is compared, too
//   - grown: the inputs have got their partitions
//   - committed: offsets and stream times of all partitions, without the mark, in one request
//
// Then the copies go. Up to grown it may be undone: Kafka has no way to take partitions away again. The journal, a
// compacted topic of one partition, has the plan and how far it has come.
package rescale

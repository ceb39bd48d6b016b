// Package metamorphic runs random topologies twice and compares: once plainly, and once with another cache size, other
// commit points, restarts, crashes, lost state, stores elsewhere, other partition counts. None of that may show.
//
// A Case is a topology in the node language of package conformance, its input, and a variation. New makes one of a
// seed, Check runs it, Shrink makes a failing one small. The tests run the cases of a few seeds; `make metamorphic
// TIME=10m` goes on for a time, `make metamorphic CASES=10000` for a number, from SEED.
//
// A task's answers depend on the order in which it takes its records, so cases keep to what fixes that order. They are
// made so, results are never filtered; rules.go holds the rules:
//
//   - Input of several topics arrives in the order in which a task chooses among full partitions (lowest head first,
//     ties by topic): a replay after a crash takes it in the same order.
//   - A repartition topic shows its records at a commit. What meets behind different numbers of such topics, or with
//     times that go back, meets in an order that depends on commits. Then a merged stream promises its records but no
//     order (bag), a join of tables only its last rows (final), and whatever depends on more is not built. Nor is a
//     join of two tables there that one source feeds: it misses deletes that reach one side while the other is gone.
//   - With several partitions a record that changes its key joins records of other tasks, which take turns, whatever
//     the times of their records: the result is a bag.
//   - Time is one per task, so operators that look at it keep the number of partitions; so does a second change of key.
//   - A global table has all its records before the first of other topics; a join by foreign key promises last rows.
//   - Punctuation schedules begin anew with a task: no restarts with those. A wall-clock one stands in front of
//     repartition topics.
//   - At least once repeats output after a crash: that pair is not drawn.
package metamorphic

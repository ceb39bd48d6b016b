// Command costs makes docs/costs.md of the benchmarks in its package:
//
//	go test -run '^$' -bench . ./internal/costs | go run ./internal/costs
//
// Each benchmark runs one operator of the DSL on the task core that production runs, with databases on disk and a commit
// every 1,000 records, but without Kafka: what is measured is what an operator costs a process besides fetching and
// producing. Its figures are processor time, of all threads, and allocations, per record that comes from outside.
package main

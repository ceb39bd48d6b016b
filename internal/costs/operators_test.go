package main

import "testing"

// The order of the benchmarks is that of the page.

func BenchmarkStreams(b *testing.B)          { run(b, onStreams()) }
func BenchmarkAggregates(b *testing.B)       { run(b, aggregates()) }
func BenchmarkWindows(b *testing.B)          { run(b, windowed()) }
func BenchmarkTables(b *testing.B)           { run(b, onTables()) }
func BenchmarkStreamTableJoins(b *testing.B) { run(b, streamTableJoins()) }
func BenchmarkTableJoins(b *testing.B)       { run(b, tableJoins()) }
func BenchmarkStreamJoins(b *testing.B)      { run(b, streamJoins()) }

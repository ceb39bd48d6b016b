// Package broker is a Kafka for tests of whole applications, and for demonstrations: one within the process, which
// needs nothing installed, or one that runs elsewhere. Topics are made from the declarations of package streams,
// records are produced and consumed with their serdes.
//
//	b := broker.New(t)
//	require.NoError(t, b.CreateTopics(ctx, 4, Orders, Totals))
//	require.NoError(t, broker.Produce(ctx, b, Orders, streams.Record[string, Order]{Key: "k", Value: o, Timestamp: at}))
//	app, err := streams.New(topo, streams.Config{Brokers: b.Addrs(), StateDir: t.TempDir()})
//	...
//	require.NoError(t, b.WaitProcessed(ctx, topo)) // while the application runs
//	got, err := broker.Read(ctx, b, Totals)
//
// Most tests need no broker: testkit.Driver runs the same topology in memory, without goroutines, and can crash it at
// any point. This package is for what is around a topology: an application's settings, its start and end, its producers
// and consumers.
//
// The broker within the process is kfake of franz-go. It has transactions, groups and compaction, and its clock is the
// machine's. It is a test double: how fast it is says nothing of Kafka.
package broker

// Package streams is what a user of Millstream types: the DSL that describes a topology, and the App that runs it
// against Kafka.
//
// What outlives the process is declared once, as a typed value with a name and serdes: topics, repartition topics,
// stores. The steps between have no names:
//
//	var (
//		Orders = streams.NewTopic("orders", serde.String, serde.JSON[Order]())
//		Sums   = streams.NewTopic("sums", serde.String, serde.Int64)
//		Totals = state.NewKeyValue("totals", serde.String, serde.Int64)
//	)
//
//	b := streams.NewBuilder("order-sums")
//	orders := streams.From(b, Orders).Filter(isPaid)
//	streams.Aggregate(orders.GroupByKey(), Totals, zero, addCents).ToStream().To(Sums)
//	topo, err := b.Build()
//
// A step that keeps its types is a method, one that brings a new type is a function. Functions of the DSL only
// describe: mistakes are collected, and Build reports all of them with the lines that made them.
//
// # Map
//
// Declarations: [NewTopic], [NewTopicPattern], [NewRepartition], [NewForeignKey], [NewOutput]; stores are in package
// state, windows in window, serdes in serde.
//
// Sources: [From], [FromAll], [FromPattern], [TableFrom], [VersionedTableFrom], [GlobalTableFrom], [GlobalProcess].
//
// Steps of a [Stream]: Filter, FilterNot, Peek, Merge, Split, [MapValues], [Map], [FlatMap], [FlatMapValues],
// [SelectKey], [Deduplicate], [MapAsync] for slow calls; [Process] and [ProcessValues] for steps of one's own, which
// are a [Processor], a [FixedKeyProcessor] or a function: [ProcessFunc], [ProcessValuesFunc]. Repartition and
// MarkAsPartitioned say where records are.
//
// Groups: GroupByKey and [GroupBy] make a [Group], with Count, Reduce and [Aggregate]; [NewCogroup] and [CogroupAdd]
// one of several streams; [TableGroupBy] and [TableAggregate] one of a table.
//
// Windows: WindowedBy and SessionsBy of a group, then Count, Reduce, [WindowedAggregate] or [SessionAggregate]. Of the
// [WindowTable] there are three streams: Final, Updates and [Late]; [ResultsBy], ByKey and [WindowedResults] give them
// keys.
//
// Joins: [Join] and [LeftJoin] with a table, [JoinWithGrace] with a versioned one, [JoinGlobal] with a global one,
// [JoinStreams] within windows; [TableJoin] and [JoinForeignKey] of tables.
//
// A [Table]: Filter, [TableMapValues], Materialize, Suppress, [PerCommit], ToStream and [ToStreamKey].
//
// Sinks: To, ToEach, ForEach, [SideOutput].
//
// To run it: [New] with a [Config], from code, [FromProperties] or [FromEnv]; [App] with Run, View, Owner, Snapshot and
// State; [Events] and [Metrics]. Errors that a program may match are the types whose names end in Error.
//
// # Null
//
// A null key or value is never shown as a zero value. A plain function, such as Filter's, sees values that are there:
// records with a null value pass it by, untouched. Beside each plain form stands one whose name ends in Record. It
// takes the whole record with its NullKey, NullValue, Timestamp and Headers, and may return an error. Where a result
// may be null, or the side of a join missing, it is an Optional.
//
// # Time
//
// A record's Timestamp is event time: when what it tells of happened, as its producer says or as Topic.Timestamp finds
// in it. Windows, joins, grace and time to live go by event time alone, so the same input gives the same results a year
// later, or when a backlog is read at full speed. Code of a processor that wants to know how late it is should do the
// same: use Record.Timestamp and Context.StreamTime, the highest event time so far, and punctuations of StreamTime. The
// wall clock, Context.WallClock and punctuations of WallClockTime, is for what concerns the world and not the data: to
// look at a queue every minute, to give up on something that does not answer. What depends on it is not repeatable:
// after a crash it happens again at another time. Do not call time.Now in a step: the test driver has a wall clock of
// its own.
//
// Stream time moves only with records: windows of a partition that falls silent stay open, unless FinalIdle closes them
// by the wall clock. And one record far in the future moves it for good, so that those after it are late: check
// timestamps in the extractor where a source may give such.
//
// # Rows
//
// Stores keep values as they are, not as bytes. So a function that folds or merges returns a new row and leaves those
// that it gets as they are: it copies a map before it changes it, and clips a slice before it appends to it. The test
// driver finds functions that do not.
//
// # Errors
//
// A record whose function returns an error or panics is taken back whole, its outputs and its writes to stores.
// Config.OnError says what happens then: stop (the default), leave it out, or send it to a dead-letter topic.
//
// # Order
//
// Results depend on the order of the records in each input partition, and on nothing else: not on cache sizes, commit
// intervals or the number of workers. Behind a repartition topic that order depends on how fast each upstream task ran.
// Sums do not care, but which record is late for a window does: group windows by the topic's own key where it matters.
package streams

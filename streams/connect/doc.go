// Package connect brings committed records of a topic into other systems: databases, search indexes, whatever a Sink is
// written for. It is what a sink task of Kafka Connect does, within the process.
//
//	sink := sqlsink.New(db, sqlsink.Config[string, Total]{Table: "totals", Key: ..., Columns: ...})
//	runner, err := connect.New(Totals, sink, connect.Config{Brokers: brokers, Group: "totals-to-postgres"})
//	if err != nil {
//		return err
//	}
//	return runner.Run(ctx)
//
// A sink reads a topic, by a consumer group of its own, and has no part in the transactions of a topology: what is
// slow, full or away in another system holds up nothing but its own reading. Only committed records are seen, those of
// one partition in their order. Records are read in batches, and no more are fetched while a batch waits for the other
// system: what is held in memory has a bound.
//
// What a Sink does with its place in the topic decides what a crash means. Package sqlsink keeps it in the transaction
// that has the rows: each record counts once. Package searchsink writes documents whose versions are offsets: what is
// written again changes nothing.
//
// Other systems' changes come in as topics: package debezium reads those that its connectors write of databases. What
// has no connector is a Source, which a SourceRunner carries into a topic, each record once.
package connect

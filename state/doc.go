// Package state declares and serves the stores of a topology.
//
// A store is declared once, as a typed value with the name under which its changelog topic and its rows outlive the
// process:
//
//	var Totals = state.NewKeyValue("totals", serde.String, serde.JSON[Total]())
//
// The topology, processors, tests and queries all use that value; inside a processor Totals.In(ctx) is the open store
// of the task.
//
// A store keeps decoded values. What has been written since the last commit lives in memory only and is encoded once,
// at the commit: one changelog record for each key, and one row in the task's database. A read finds the uncommitted
// value, a cached one, or decodes the row. How much is cached never changes an answer.
//
// A value that was given to a store, or came from one, belongs to the store: change a copy. It is the row itself, and
// not a copy as in Kafka Streams: a map that is changed in place is changed in the row that was there before, too,
// which a table's change shows as the old one and a record that is left out returns to. testkit.Driver, and an
// application that is built with -tags invariants, find that: ErrChangedInPlace. Values of []byte are the exception,
// they are copied on the way in.
package state

// Package sqlsink writes a topic into a table of an SQL database, each record exactly once: a row for each key, as its
// newest record says, none where that is null.
//
//	sink := sqlsink.New(db, sqlsink.Config[string, Total]{
//		Name:    "totals",
//		Table:   "order_totals",
//		Key:     []string{"customer"},
//		Columns: []string{"cents", "orders"},
//		KeyOf:   func(customer string) []any { return []any{customer} },
//		Values:  func(t Total) []any { return []any{t.Cents, t.Orders} },
//	})
//
// The place in the topic stands in a table of the same database, and moves in the transaction that writes the rows. So
// after a crash of either side rows and place agree, and the database's place is where reading goes on, whatever
// Kafka's group remembers. A claim of a partition raises an epoch beside the place, which each transaction compares,
// with the row locked: a process that was given up, and wakes again, changes nothing. The topic's id stands there, too:
// one that is created anew under its name is not taken for the one that was read.
//
// PostgreSQL and SQLite understand the statements. The driver is the caller's. A database that is read from a backup is
// brought up to date by itself, as long as the topic has the records: a compacted one has.
package sqlsink

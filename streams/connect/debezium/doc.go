// Package debezium reads what Debezium's connectors write: the changes of a database's tables.
//
//	type Customer struct {
//		ID      int64            `debezium:"id"`
//		Name    string           `debezium:"name"`
//		Balance debezium.Decimal `debezium:"balance,scale=2"`
//		Born    *time.Time       `debezium:"born,date"`
//	}
//
//	var (
//		Changes = streams.NewTopic("shop.public.customers", debezium.JSONColumn[int64]("id"), debezium.JSON[Customer]())
//		Rows    = state.NewKeyValue("customers", debezium.JSONColumn[int64]("id"), debezium.JSONRow[Customer]())
//	)
//
//	changes := streams.From(b, Changes)            // a stream of Change[Customer]
//	customers := debezium.Table(b, Changes, Rows)  // the table as the database has it
//
// # Columns
//
// A field takes the column that its tag names, else the one of its json tag, else of its own name. Options behind a
// comma say how the column is written. A topic with schemas (schemas.enable=true) says that itself, and a tag that
// disagrees is an error; without schemas, numbers and bytes do not tell what they mean, and the tag must:
//
//	date, millis, micros, nanos   a number: days, or so many parts of seconds since 1970, or since midnight
//	scale=N                       a decimal of decimal.handling.mode=precise; without it, Decimal expects mode string
//	json                          text that is a JSON document; the field may have any type
//	optional                      the rows may lack the column: the field is zero then
//
// A null needs a pointer, a slice, a map or an interface. A column that a row lacks is an error, so that a renamed
// column does not become zero without a word. Columns that no field takes are passed over.
//
//	bool, int..., uint..., float..., string      boolean, numbers (in range), text, also of UUID, JSON, enums and times
//	[]byte                                       bytea, with binary.handling.mode=bytes
//	Decimal                                      numeric, with decimal.handling.mode precise or string
//	time.Time                                    date and timestamps, with or without a zone; always in UTC
//	time.Duration                                time of day, interval as microseconds
//	[16]byte and types made of it                UUID
//	[]T, map[string]T, structs                   arrays, hstore as a map, composed types
//	json.RawMessage                              the document of a JSON column
//	types with UnmarshalJSON or UnmarshalText    whatever they take; they are written with MarshalJSON or MarshalText
//	any                                          what is there, numbers as json.Number
//
// # What to know of the data
//
// Before of an update is missing unless the table's replica identity is FULL. Before of a delete then has the key only:
// other columns are null, or, where they may not be null, values that the connector made up. A large value that an
// update left alone (TOAST) is not sent: its field is zero, and Change.Unavailable names the column. Table keeps the
// value that it had. Only where the key changes at the same time there is none to keep: such tables need FULL. A change
// of the key is a delete, a tombstone and a create, see OldKey and NewKey.
//
// The timestamp of the Kafka record is when the connector sent it; CommitTime takes the database's.
package debezium

// Package wire holds the bytes of internal topics and changelogs that Millstream has in common with Java's Kafka
// Streams, so that one can take over where the other left off:
//
//   - Change: rows of a table on their way through a repartition topic
//   - Subscription, Response, Combined: the two topics and the store of a foreign-key join
//   - Sided, SharedKey: the store of an outer or left join of two streams; its values are a List
//   - BufferValue: what suppress holds back
//   - SessionKey, ChangelogKey: the keys of session stores and of the changelogs of window stores
//
// Numbers are big-endian. Lengths are int32; nothing longer fits into a record.
//
// Decoders return an error, never panic, on any bytes, and take only what Java writes: what decodes encodes to the
// same bytes again, but for formats that are only read, which encode as the current one. A decoded value keeps nothing
// of its input; its parts may share one copy of it. The Split functions, which are for keys that are looked at in
// passing, return parts of their input.
package wire

// Package avro turns values into Avro's binary encoding and back, with github.com/twmb/avro. Tags of struct fields,
// logical types and the Go types of each Avro type are those of that library: `avro:"name"`, time.Time for timestamps
// and dates, *big.Rat for decimals, a pointer for a union with null.
//
// By itself the bytes carry no schema, and are read by the very schema that wrote them: the schema's fingerprint is
// part of the serde's Format, so that state of another schema is noticed. Values whose schema evolves belong into a
// registry: registry.Of(r, avro.Of[Order]("shop")) of package serde/registry.
package avro

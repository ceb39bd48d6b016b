// Package serde turns keys and values into bytes and back.
//
// The primitives have the bytes of the serializers of Kafka's Java client, so that topics and state can be shared with
// Java services: String is UTF-8, Int64 is a Java Long (8 bytes, big-endian), Float64 a Double, and so on. JSON and
// MessagePack take any Go type.
//
// Null is not a serde's business: a null key or value never reaches one. An empty slice is not null.
//
// A decoded value keeps nothing of the bytes it was decoded from, with one exception: Bytes returns the bytes
// themselves.
package serde

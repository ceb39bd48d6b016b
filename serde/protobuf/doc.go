// Package protobuf turns Protobuf messages into bytes and back, with google.golang.org/protobuf.
//
// Values are written by that library's deterministic encoding: the same message has the same bytes each time, in one
// build of the application. Another version of the library, or of the generated code, may write other bytes, and fields
// that the generated code does not know are kept as they came. So a message is a good value, and a poor key: rows would
// not be found any more, and records of one key go to two partitions, after an upgrade. Use a plain serde for keys,
// serde.String, say, of the field that tells messages apart.
//
// Reading goes by the numbers of fields. Messages whose schema is in a registry are read and written by
// registry.Of(r, protobuf.Of[*pb.Order]()) of package serde/registry.
package protobuf

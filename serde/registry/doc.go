// Package registry has the schemas of keys and values in a schema registry, Confluent's or one with the same interface,
// such as Apicurio's and Redpanda's.
//
// A serde of it is made of a registry and a codec of package serde/avro, serde/protobuf or serde/jsonschema:
//
//	var schemas = registry.New(registry.Config{URLs: []string{"http://localhost:8081"}})
//	var Orders = streams.NewTopic("orders", serde.String, registry.Of(schemas, avro.Of[Order]("shop")))
//
// Bytes are those of Confluent's serializers: 0, the id of the schema as four bytes, big-endian, of Protobuf the
// indexes of the message in its file, then the value.
//
// # Writing
//
// At the start of an application, or of a test driver, each serde registers its schema under the subject of each topic
// that it writes, or looks for it there (MustExist). What the registry refuses ends App.Run, with a RefusedError that
// names the subject and the reason. Internal topics have subjects, too, as those of Kafka Streams have.
//
// A registry gives a schema one id in all subjects, so a value has the same bytes wherever it is written, and a serde
// is no serde of one topic. A schema that gets several ids is an error at the start.
//
// Keys are compared by their bytes, and those begin with the id: when the schema of a key changes, each key becomes
// another one, and so may its partition. Do not change the schema of keys, or better: take a plain serde for them.
//
// # Reading
//
// The schema that wrote a value is found by its id, and resolved to the reader's type by the rules of the format. Each
// is asked for once. An id that is not known yet while the registry is away is waited for, up to Config.Wait; the
// member stays in its group. Then the record meets the application's error policy, as one does that cannot be resolved;
// the errors have types: HeaderError, UnknownSchemaError, UnavailableError, SchemaError. What was written under the
// subject before the start is fetched at the start, so that a registry that goes away later is not missed.
package registry

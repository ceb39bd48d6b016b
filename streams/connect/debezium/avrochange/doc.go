// Package avrochange reads Debezium's change events in Avro, as the converters of Connect write them with a schema
// registry:
//
//	var Customers = streams.NewTopic("shop.public.customers", key, registry.Of(schemas, avrochange.Of[Customer]()))
//
// Types and tags of rows, and the errors, are those of package debezium. The schema that wrote an event tells what its
// numbers and bytes mean, so tags need no units and no scales.
package avrochange

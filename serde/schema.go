package serde

// Schema is a schema as registries keep it, see package serde/registry.
type Schema struct {
	Type string // AVRO, PROTOBUF or JSON
	Text string // Protobuf: that of a .proto file, or the bytes of its FileDescriptorProto in base64
	// Name is the full name of the record or message, or the title of a JSON Schema: subjects may be made of it.
	Name string
	// Message is where in a Protobuf file the message stands: its index among the messages of the file, then its index
	// among those nested in that one, and so on.
	Message []int
	// References are the schemas that the text names and does not hold, those that others need before them.
	References []Reference
}

// Reference is a schema that another one needs.
type Reference struct {
	Name    string // as the other one calls it: an Avro type's full name, a Protobuf import, a JSON Schema's $ref
	Subject string // under which the registry has it
	Schema  Schema
}

// The values of Schema.Type.
const (
	AvroSchema     = "AVRO"
	ProtobufSchema = "PROTOBUF"
	JSONSchema     = "JSON"
)

// Package jsonschema turns values into JSON and back, and holds what is written and what is read against a JSON Schema,
// with github.com/santhosh-tekuri/jsonschema. Values are encoded by encoding/json: maps in the order of their keys.
//
// A schema that does not name a draft in $schema is taken for draft 7. It reaches nothing but the references that it is
// made with: no file, no network.
package jsonschema

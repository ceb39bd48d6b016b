package avrochange

import "maps"

// kinds are Connect's types for Avro's.
var kinds = map[string]string{
	"int": "int32", "long": "int64", "float": "float", "double": "double", "boolean": "boolean", "string": "string",
	"bytes": "bytes", "enum": "string", "fixed": "bytes", "record": "struct", "array": "array", "map": "map",
}

// connect is an Avro schema as Connect's JSON converter writes schemas. Named types may be used again by their names.
func connect(node any, named map[string]any) map[string]any {
	switch n := node.(type) {
	case string:
		if kind, ok := kinds[n]; ok {
			return map[string]any{"type": kind}
		}
		return connect(named[n], named)
	case []any: // a union with null is an optional value
		for _, branch := range n {
			if branch != "null" {
				return connect(branch, named)
			}
		}
	case map[string]any:
		return connectType(n, named)
	}
	return map[string]any{}
}

func connectType(n map[string]any, named map[string]any) map[string]any {
	kind, ok := n["type"].(string)
	if !ok { // {"type":{...}}, {"type":[...]}
		return connect(n["type"], named)
	}
	if name, ok := n["name"].(string); ok {
		named[name] = n
		if space, ok := n["namespace"].(string); ok {
			named[space+"."+name] = n
		}
	}
	out := map[string]any{}
	if kinds[kind] == "" {
		maps.Copy(out, connect(kind, named))
	} else {
		out["type"] = kinds[kind]
	}
	if name, ok := n["connect.name"]; ok {
		out["name"] = name
	}
	if parameters, ok := n["connect.parameters"]; ok {
		out["parameters"] = parameters
	}
	switch kind {
	case "record":
		out["fields"] = connectFields(n["fields"], named)
	case "array":
		out["items"] = connect(n["items"], named)
	case "map":
		out["values"] = connect(n["values"], named)
	}
	return out
}

func connectFields(fields any, named map[string]any) []any {
	out := []any{}
	list, _ := fields.([]any)
	for _, f := range list {
		field, ok := f.(map[string]any)
		if !ok {
			continue
		}
		of := maps.Clone(connect(field["type"], named))
		of["field"] = field["name"]
		out = append(out, of)
	}
	return out
}

// withoutLogical is a schema whose values are the plain ones: what they mean, Connect's own names say.
func withoutLogical(node any) any {
	switch n := node.(type) {
	case []any:
		out := make([]any, len(n))
		for i := range n {
			out[i] = withoutLogical(n[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(n))
		for key, value := range n {
			if key == "default" || key == "connect.default" {
				out[key] = value
			} else if key != "logicalType" {
				out[key] = withoutLogical(value)
			}
		}
		return out
	}
	return node
}

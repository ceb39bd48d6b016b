package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/millstream-go/millstream/serde"
)

// decoders read the bytes of serdes without their types.
var decoders = map[string]func(b []byte) (any, error){
	"string":  func(b []byte) (any, error) { return raw(b), nil },
	"json":    serde.JSON[any]().Decode,
	"msgpack": serde.Msgpack[any]().Decode,
	"int32":   func(b []byte) (any, error) { return serde.Int32.Decode(b) },
	"int64":   func(b []byte) (any, error) { return serde.Int64.Decode(b) },
	"float64": func(b []byte) (any, error) { return serde.Float64.Decode(b) },
	"bool":    func(b []byte) (any, error) { return serde.Bool.Decode(b) },
}

// decode shows bytes as the serde of a format reads them; those of another format as text if they are some, else in
// hex.
func decode(format string, b []byte) any {
	if read, ok := decoders[format]; ok {
		if v, err := read(b); err == nil {
			return v
		}
	}
	return raw(b)
}

func raw(b []byte) string {
	if !utf8.Valid(b) {
		return "0x" + hex.EncodeToString(b)
	}
	for _, r := range string(b) {
		if r < ' ' {
			return "0x" + hex.EncodeToString(b)
		}
	}
	return string(b)
}

// text is a decoded value in a line.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// stamp is a time in milliseconds as text, in UTC.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

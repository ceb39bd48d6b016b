package registry

import (
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// Subject says under which subject of the registry a schema is for one use of it.
type Subject func(use serde.Use, s serde.Schema) (string, error)

// The strategies of Confluent's serializers. TopicName, the default, is <topic>-key or <topic>-value; RecordName is the
// full name of the record or message, or the title of a JSON Schema, whatever the topic; TopicRecordName is
// <topic>-<full name>. Of topics that a pattern chooses, the name is not known at the start: they need RecordName.
var (
	TopicName Subject = func(use serde.Use, _ serde.Schema) (string, error) {
		if use.Pattern {
			return "", fmt.Errorf("registry: the subject goes by the topic, and which topics %q matches is not known: use "+
				"RecordName", use.Topic)
		}
		if use.Key {
			return use.Topic + "-key", nil
		}
		return use.Topic + "-value", nil
	}
	RecordName Subject = func(_ serde.Use, s serde.Schema) (string, error) {
		if s.Name == "" {
			return "", fmt.Errorf("registry: the subject goes by the name of the %s schema, which has none", s.Type)
		}
		return s.Name, nil
	}
	TopicRecordName Subject = func(use serde.Use, s serde.Schema) (string, error) {
		name, err := RecordName(use, s)
		if err == nil && use.Pattern {
			_, err = TopicName(use, s)
		}
		return use.Topic + "-" + name, err
	}
)

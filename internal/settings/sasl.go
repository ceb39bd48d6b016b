package settings

import (
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var mechanisms = map[string]func(user, password string) sasl.Mechanism{
	"PLAIN":         func(u, p string) sasl.Mechanism { return plain.Auth{User: u, Pass: p}.AsMechanism() },
	"SCRAM-SHA-256": func(u, p string) sasl.Mechanism { return scram.Auth{User: u, Pass: p}.AsSha256Mechanism() },
	"SCRAM-SHA-512": func(u, p string) sasl.Mechanism { return scram.Auth{User: u, Pass: p}.AsSha512Mechanism() },
}

// mechanism is how the client says who it is; nil if it does not, or if the settings are wrong. User and password are
// those of sasl.jaas.config, or librdkafka's sasl.username and sasl.password.
func (v *Values) mechanism(wanted bool) sasl.Mechanism {
	name, named := v.Get("sasl.mechanism")
	entry, inEntry := v.Get("sasl.jaas.config")
	user, byUser := v.Get("sasl.username")
	password, _ := v.Get("sasl.password")
	if !wanted {
		if named || inEntry || byUser {
			v.Wrong("security.protocol", "is without SASL, but there are settings for it: use SASL_SSL or SASL_PLAINTEXT")
		}
		return nil
	}
	made := mechanisms[name]
	if made == nil {
		v.Wrong("sasl.mechanism", "is %q: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; others are added as "+
			"kgo.SASL to Config.Kafka", name)
		return nil
	}
	if inEntry {
		var ok bool
		if user, password, ok = login(entry); !ok {
			v.Wrong("sasl.jaas.config", `is not as in: org.apache.kafka.common.security.plain.PlainLoginModule required `+
				`username="..." password="...";`)
			return nil
		}
	}
	if user == "" || password == "" {
		v.Wrong("sasl.jaas.config", "is missing, or sasl.username and sasl.password are: %s needs them", name)
		return nil
	}
	return made(user, password)
}

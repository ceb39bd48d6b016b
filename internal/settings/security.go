package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// protocol is what security.protocol asks for.
type protocol struct{ tls, sasl bool }

// security are the options for TLS and SASL.
func (v *Values) security() (opts []kgo.Opt) {
	var p protocol
	Choice(v, "security.protocol", &p, map[string]protocol{
		"PLAINTEXT": {}, "SSL": {tls: true}, "SASL_PLAINTEXT": {sasl: true}, "SASL_SSL": {tls: true, sasl: true},
	})
	encrypted, keys := v.tls()
	if p.tls {
		opts = append(opts, kgo.DialTLSConfig(encrypted))
	} else if keys != "" {
		v.Wrong(keys, "has no effect without security.protocol SSL or SASL_SSL")
	}
	mechanism := v.mechanism(p.sasl)
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts
}

// tls are the settings of connections, and the first of them that was given.
func (v *Values) tls() (settings *tls.Config, given string) {
	settings = &tls.Config{MinVersion: tls.VersionTLS12}
	roots, name := v.pem("ssl.truststore", "certificates")
	if given = name; name != "" {
		if settings.RootCAs = x509.NewCertPool(); !settings.RootCAs.AppendCertsFromPEM(roots) {
			v.Wrong(name, "holds no certificate in PEM")
		}
	}
	own, name := v.pem("ssl.keystore", "certificate.chain")
	key, inline := v.Get("ssl.keystore.key")
	switch {
	case inline && name == "":
		v.Wrong("ssl.keystore.key", "needs ssl.keystore.certificate.chain")
	case name != "":
		given = name
		if !inline {
			key = string(own) // a file holds both
		}
		pair, err := tls.X509KeyPair(own, []byte(key))
		if err != nil {
			v.Wrong(name, "and its key cannot be read; a key must not be encrypted: %v", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	v.Instead("ssl.key.password", "keys are read unencrypted; decrypt it, for example with openssl pkcs8")
	v.Instead("ssl.truststore.password", "files in PEM have none")
	v.Instead("ssl.keystore.password", "files in PEM have none")
	if algorithm, set := v.Get("ssl.endpoint.identification.algorithm"); set && algorithm != "https" {
		if given = "ssl.endpoint.identification.algorithm"; algorithm != "" {
			v.Wrong(given, "is %q: use https, or nothing, which does not compare names of hosts", algorithm)
		}
		anyName(settings)
	}
	return settings, given
}

// pem is what is given as a file, or as text, in PEM, and the name of the setting that gives it; empty if none does.
func (v *Values) pem(store, text string) (_ []byte, name string) {
	path, file := v.Get(store + ".location")
	value, inline := v.Get(store + "." + text)
	kind, typed := v.Get(store + ".type")
	switch {
	case file && inline:
		v.Wrong(store+".location", "is given, and %s, too: use one of them", v.spell(store+"."+text))
		return nil, ""
	case file && kind != "PEM":
		v.Wrong(store+".location", "is a Java key store: export it as PEM, and set %s to PEM", v.spell(store+".type"))
		return nil, ""
	case typed && kind != "PEM":
		v.Wrong(store+".type", "is %q: use PEM", kind)
		return nil, ""
	case inline:
		return []byte(value), store + "." + text
	case !file:
		return nil, ""
	}
	content, err := os.ReadFile(path)
	if err != nil {
		v.Wrong(store+".location", "cannot be read: %v", err)
		return nil, ""
	}
	return content, store + ".location"
}

// anyName has certificates be checked, but not for whom they are.
func anyName(settings *tls.Config) {
	settings.InsecureSkipVerify = true //nolint:gosec // the chain is verified below
	settings.VerifyConnection = func(c tls.ConnectionState) error {
		if len(c.PeerCertificates) == 0 {
			return errors.New("tls: the broker shows no certificate")
		}
		between := x509.NewCertPool()
		for _, certificate := range c.PeerCertificates[1:] {
			between.AddCert(certificate)
		}
		_, err := c.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: settings.RootCAs, Intermediates: between})
		return err
	}
}

// login takes user and password out of a JAAS entry: a class, required, and options as name="value". It never shows
// them.
func login(entry string) (user, password string, ok bool) {
	_, options, ok := strings.Cut(entry, "required")
	if !ok {
		return "", "", false
	}
	options = strings.TrimSpace(options)
	for options != "" && options != ";" {
		name, rest, found := strings.Cut(options, "=")
		if rest = strings.TrimLeft(rest, " "); !found || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return "", "", false
		}
		value, after, closed := quoted(rest[1:], rest[0])
		if !closed {
			return "", "", false
		}
		switch strings.TrimSpace(name) {
		case "username":
			user = value
		case "password":
			password = value
		}
		options = strings.TrimSpace(after)
	}
	return user, password, user != "" && password != ""
}

// quoted is the text up to the closing quote, a backslash before a character standing for that itself.
func quoted(s string, quote byte) (text, after string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

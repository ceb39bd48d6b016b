package cluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// SecurityError means that a broker was reached, and that the two do not agree on encryption, or on who the application
// is.
type SecurityError struct {
	Reason string // what is probably wrong, and what to change
	Err    error
}

func (e *SecurityError) Error() string {
	return fmt.Sprintf("a broker refuses the connection: %s (Config.Kafka): %v", e.Reason, e.Err)
}

func (e *SecurityError) Unwrap() error { return e.Err }

// What a connection that ends at once may mean.
const (
	noTLS = "the client speaks TLS, and the listener at this port seems not to: use another port, or leave the TLS " +
		"dialer out"
	wantTLS = "the listener at this port speaks TLS, and the client does not: set kgo.DialTLSConfig, or use another port"
)

// insecure is a failure of security settings, nil if err tells of none. One in doubt is most often one, but also what a
// broker looks like that is about to go.
func insecure(err error) (wrong *SecurityError, doubt bool) {
	var header tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	var early *kgo.ErrFirstReadEOF
	var reason string
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed):
		reason = "it does not accept the user or the password"
	case errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		reason = "it does not offer this SASL mechanism: set one that it has with kgo.SASL"
	case errors.As(err, &certificate):
		reason = "its certificate is not trusted, or is that of another name: set RootCAs and ServerName of tls.Config"
	case errors.As(err, &alert):
		reason = "it ends the TLS handshake, as where it wants a certificate of the client: set Certificates of tls.Config"
	case errors.As(err, &header):
		reason = noTLS
	case errors.Is(err, syscall.ECONNRESET) && strings.Contains(err.Error(), "unable to dial"): // in the handshake
		reason, doubt = noTLS, true
	case err != nil && strings.Contains(err.Error(), "plaintext connection speaking to a tls endpoint"): // of no type
		reason = wantTLS
	case errors.As(err, &early):
		reason, doubt = earlyEnd(early), true
	case errors.Is(err, io.EOF):
		reason, doubt = "it ends each connection, as some do when they do not accept the user or the password", true
	default:
		return nil, false
	}
	return &SecurityError{Reason: reason, Err: err}, doubt
}

// earlyEnd is what a connection may lack that the broker ends at its first request.
func earlyEnd(err *kgo.ErrFirstReadEOF) string {
	switch text := err.Error(); {
	case strings.Contains(text, "immediately after a dial"):
		return noTLS
	case strings.Contains(text, "api versions"):
		return wantTLS
	}
	return "it wants to know who the client is: set kgo.SASL"
}

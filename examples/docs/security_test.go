package docs

import (
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millstream-go/millstream/streams"
)

// secured are the settings of the page on security.
func secured(roots *x509.CertPool, password string) (config streams.Config) {
	config.Kafka = []kgo.Opt{
		kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(scram.Auth{User: "order-totals", Pass: password}.AsSha512Mechanism()),
	}
	return config
}

func TestSecuredSettings(t *testing.T) {
	topo, err := regions()
	require.NoError(t, err)
	_, err = streams.New(topo, secured(x509.NewCertPool(), "secret"))
	require.NoError(t, err)
}

package docs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
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

func Example_rights() {
	topo, err := regions()
	if err != nil {
		fmt.Println(err)
		return
	}
	app, err := streams.New(topo, streams.Config{Brokers: []string{"localhost:9092"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, right := range app.Rights() {
		fmt.Println(right)
	}
	// Output:
	// --operation Read --topic 'customers'
	// --operation Read --topic 'orders'
	// --operation Write --topic 'counts'
	// --operation Create --topic 'regions-customers-changelog'
	// --operation DescribeConfigs --topic 'regions-customers-changelog'
	// --operation Read --topic 'regions-customers-changelog'
	// --operation Write --topic 'regions-customers-changelog'
	// --operation Create --topic 'regions-by-region-repartition'
	// --operation DescribeConfigs --topic 'regions-by-region-repartition'
	// --operation Read --topic 'regions-by-region-repartition'
	// --operation Write --topic 'regions-by-region-repartition'
	// --operation Delete --topic 'regions-by-region-repartition'
	// --operation Create --topic 'regions-per-hour-changelog'
	// --operation DescribeConfigs --topic 'regions-per-hour-changelog'
	// --operation Read --topic 'regions-per-hour-changelog'
	// --operation Write --topic 'regions-per-hour-changelog'
	// --operation Read --group 'regions'
	// --operation Write --transactional-id 'regions-' --resource-pattern-type prefixed
}

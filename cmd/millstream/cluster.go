package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millstream-go/millstream/internal/settings"
)

// cluster are the flags that say how to reach Kafka.
type cluster struct {
	Brokers      []string      `env:"MILLSTREAM_BROKERS" help:"Addresses of brokers. Default: localhost:9092."`
	Config       string        `name:"command-config" type:"existingfile" help:"Properties of a Kafka client."`
	Timeout      time.Duration `default:"30s" help:"How long a command may take."`
	TLS          bool          `name:"tls" help:"Speak TLS. Set by the flags for certificates, too."`
	CA           string        `name:"ca" type:"existingfile" help:"Certificates that sign the brokers', PEM."`
	Cert         string        `type:"existingfile" help:"Certificate of the client, PEM."`
	Key          string        `type:"existingfile" help:"Key of the client's certificate, PEM."`
	SASL         string        `name:"sasl" enum:",plain,scram-sha-256,scram-sha-512" default:"" help:"${enum}"`
	User         string        `help:"User for SASL."`
	PasswordFile string        `type:"existingfile" env:"MILLSTREAM_PASSWORD_FILE" help:"File with the password."`
}

// connect makes a client, and ends the command's time. The caller calls end.
func (c *cluster) connect(
	ctx context.Context, more ...kgo.Opt,
) (_ context.Context, client *kgo.Client, end func(), err error) {
	opts, err := c.options()
	if err != nil {
		return nil, nil, nil, err
	}
	if client, err = kgo.NewClient(append(opts, more...)...); err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	end = func() { cancel(); client.Close() }
	if err := client.Ping(ctx); err != nil {
		end()
		return nil, nil, nil, fmt.Errorf("no broker answers at %s: check --brokers, and --tls and --sasl: %w",
			strings.Join(c.Brokers, ","), err)
	}
	return ctx, client, end, nil
}

// admin is connect for who only asks and changes.
func (c *cluster) admin(ctx context.Context) (context.Context, *kadm.Client, func(), error) {
	ctx, client, end, err := c.connect(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return ctx, kadm.NewClient(client), end, nil
}

func (c *cluster) options() ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.ClientID("millstream"), kgo.RequestRetries(3)}
	if c.Config != "" {
		more, err := c.file()
		if err != nil {
			return nil, err
		}
		opts = append(opts, more...)
	}
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	opts = append(opts, kgo.SeedBrokers(c.Brokers...))
	if c.TLS || c.CA != "" || c.Cert != "" {
		settings, err := c.tls()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(settings))
	}
	if c.SASL != "" {
		mechanism, err := c.mechanism()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(mechanism))
	}
	return opts, nil
}

// file are the options of the file with settings. Those of an application, which may be in it too, are passed over.
func (c *cluster) file() ([]kgo.Opt, error) {
	f, err := os.Open(c.Config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := settings.Properties(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Config, err)
	}
	brokers, opts := values.Client()
	if err := values.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Config, err)
	}
	if len(c.Brokers) == 0 {
		c.Brokers = brokers
	}
	return opts, nil
}

func (c *cluster) tls() (*tls.Config, error) {
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		if settings.RootCAs = x509.NewCertPool(); !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s holds no certificate in PEM", c.CA)
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("--cert and --key go together")
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, err
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return settings, nil
}

func (c *cluster) mechanism() (sasl.Mechanism, error) {
	if c.User == "" || c.PasswordFile == "" {
		return nil, errors.New("--sasl needs --user and --password-file")
	}
	secret, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return nil, err
	}
	password := strings.TrimRight(string(secret), "\r\n")
	switch c.SASL {
	case "plain":
		return plain.Auth{User: c.User, Pass: password}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: c.User, Pass: password}.AsSha256Mechanism(), nil
	default:
		return scram.Auth{User: c.User, Pass: password}.AsSha512Mechanism(), nil
	}
}

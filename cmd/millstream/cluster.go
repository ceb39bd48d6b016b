package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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

// options are those of the file and the flags, which come before it.
func (c *cluster) options() ([]kgo.Opt, error) {
	values, err := c.values()
	if err != nil {
		return nil, err
	}
	if err := c.set(values); err != nil {
		return nil, err
	}
	brokers, opts := values.Client()
	if err := values.Err(); err != nil {
		return nil, err
	}
	if len(c.Brokers) == 0 {
		c.Brokers = brokers
	}
	if len(c.Brokers) == 0 {
		c.Brokers = []string{"localhost:9092"}
	}
	own := []kgo.Opt{kgo.ClientID("millstream"), kgo.RequestRetries(3), kgo.SeedBrokers(c.Brokers...)}
	return append(own, opts...), nil
}

// values are those of the file. Those of an application, which may be in it too, are passed over.
func (c *cluster) values() (*settings.Values, error) {
	if c.Config == "" {
		return settings.None(), nil
	}
	f, err := os.Open(c.Config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	values, err := settings.Properties(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Config, err)
	}
	return values, nil
}

// set gives the flags as the settings that they stand for.
func (c *cluster) set(values *settings.Values) error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("--cert and --key go together")
	}
	if c.SASL != "" && (c.User == "" || c.PasswordFile == "") {
		return errors.New("--sasl needs --user and --password-file")
	}
	encrypted := c.TLS || c.CA != "" || c.Cert != ""
	if protocol := map[[2]bool]string{
		{true, false}: "SSL", {false, true}: "SASL_PLAINTEXT", {true, true}: "SASL_SSL",
	}[[2]bool{encrypted, c.SASL != ""}]; protocol != "" {
		values.Set("security.protocol", protocol, "--tls and --sasl")
	}
	if c.CA != "" {
		values.Set("ssl.truststore.type", "PEM", "--ca")
		values.Set("ssl.truststore.location", c.CA, "--ca "+c.CA)
	}
	for name, path := range map[string]string{
		"ssl.keystore.certificate.chain": c.Cert, "ssl.keystore.key": c.Key, "sasl.password": c.PasswordFile,
	} {
		if path == "" || name == "sasl.password" && c.SASL == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		values.Set(name, strings.TrimRight(string(text), "\r\n"), path)
	}
	if c.SASL != "" {
		values.Set("sasl.mechanism", strings.ToUpper(c.SASL), "--sasl")
		values.Set("sasl.username", c.User, "--user")
	}
	return nil
}

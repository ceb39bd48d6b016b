package streams_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/millstream-go/millstream/streams"
)

const password = "planted-secret-7f3a"

// certificate is one that nobody has signed.
func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// refusedBy runs an application that a broker does not talk to.
func refusedBy(t *testing.T, fake []kfake.Opt, kafka ...kgo.Opt) (*streams.SecurityError, string) {
	cluster, err := kfake.NewCluster(append(fake, kfake.NumBrokers(1), kfake.SeedTopics(1, "words", "per-key", "per-word"))...)
	require.NoError(t, err)
	defer cluster.Close()
	r := &rig{t: t, fake: cluster, log: &syncBuffer{}}
	config := r.config(t.TempDir())
	config.Kafka = kafka
	err = r.run(countWords, config)
	var refused *streams.SecurityError
	require.ErrorAs(t, err, &refused)
	return refused, err.Error() + r.log.String()
}

// TestRefusedConnections: what is wrong with the security settings is said, at once, and no secret with it.
func TestRefusedConnections(t *testing.T) {
	own := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	user := []kfake.Opt{
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "app", "right"), kfake.Superuser("SCRAM-SHA-256", "app", "right"),
	}
	plainly := kgo.SASL(plain.Auth{User: "app", Pass: password}.AsMechanism())
	scrambled := kgo.SASL(scram.Auth{User: "app", Pass: password}.AsSha256Mechanism())
	for name, c := range map[string]struct {
		broker []kfake.Opt
		client []kgo.Opt
		reason string
	}{
		"a wrong password":              {user, []kgo.Opt{plainly}, "password"},
		"a wrong password, scram":       {user, []kgo.Opt{scrambled}, "password"},
		"no password":                   {user, nil, "kgo.SASL"},
		"no TLS where there is some":    {[]kfake.Opt{kfake.TLS(own)}, nil, "kgo.DialTLSConfig"},
		"a certificate that is unknown": {[]kfake.Opt{kfake.TLS(own)}, []kgo.Opt{kgo.DialTLSConfig(&tls.Config{})}, "RootCAs"},
	} {
		t.Run(name, func(t *testing.T) {
			refused, all := refusedBy(t, c.broker, c.client...)
			require.Contains(t, refused.Reason, c.reason)
			require.NotContains(t, all, password)
		})
	}
}

// TestTLSWhereThereIsNone: a broker hangs up on what it takes for a request of an impossible size.
func TestTLSWhereThereIsNone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	// Ends with the listener.
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1)) // the client finds what comes of it
			_ = conn.Close()
		}
	}()
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Brokers = []string{listener.Addr().String()}
	config.Kafka = []kgo.Opt{kgo.DialTLSConfig(&tls.Config{})}
	err = r.run(countWords, config)
	var refused *streams.SecurityError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Reason, "leave the TLS dialer out")
	require.NoError(t, listener.Close())
	<-ended
}

// TestABrokerThatIsNotThereYet: what stands in front of it takes connections, and ends them. That may be what a wrong
// setting looks like; it is said, and waited for.
func TestABrokerThatIsNotThereYet(t *testing.T) {
	r := newCountRig(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	// Ends with the listener.
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if !strings.Contains(r.log.String(), "a broker ends each connection") {
				_ = conn.Close()
				continue
			}
			go join(conn, r.fake.ListenAddrs()[0]) // ends with the application's client
		}
	}()
	config := r.config(t.TempDir())
	config.Brokers, config.StartTimeout = []string{listener.Addr().String()}, 30*time.Second
	_, stop := r.start(countWords, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	require.NoError(t, listener.Close())
	<-ended
}

// join connects a connection with an address.
func join(conn net.Conn, addr string) {
	defer conn.Close()
	other, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer other.Close()
	// Ends when either side does.
	go func() {
		_, _ = io.Copy(other, conn)
		_ = other.Close()
	}()
	_, _ = io.Copy(conn, other)
}

// rights are what an application says that it needs.
func rights(t *testing.T) (granted []kfake.ACL) {
	app, err := streams.New(topo(t, countWords), streams.Config{Brokers: []string{"nowhere:9092"}})
	require.NoError(t, err)
	for _, r := range app.Rights() {
		acl := kfake.ACL{Name: r.Name, Allow: true, Pattern: kmsg.ACLResourcePatternTypeLiteral}
		acl.Operation, err = kmsg.ParseACLOperation(r.Operation)
		require.NoError(t, err)
		acl.Resource, err = kmsg.ParseACLResourceType(r.Resource)
		require.NoError(t, err)
		if r.Prefixed {
			acl.Pattern = kmsg.ACLResourcePatternTypePrefixed
		}
		granted = append(granted, acl)
	}
	return granted
}

// newRightsRig has a broker whose user app has some rights.
func newRightsRig(t *testing.T, granted []kfake.ACL) (*rig, streams.Config) {
	r := newRigOf(t, kfake.SeedTopics(2, "words", "per-key", "per-word"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "root", "root"), kfake.User("PLAIN", "app", password, granted...))
	r.as = []kgo.Opt{kgo.SASL(plain.Auth{User: "root", Pass: "root"}.AsMechanism())}
	config := r.config(t.TempDir())
	config.Kafka = []kgo.Opt{kgo.SASL(plain.Auth{User: "app", Pass: password}.AsMechanism())}
	return r, config
}

// lacking runs an application without one of the rights, until it fails.
func lacking(t *testing.T, missing kfake.ACL) error {
	r, config := newRightsRig(t, slices.DeleteFunc(rights(t), func(a kfake.ACL) bool { return a == missing }))
	r.send(20)
	return r.run(countWords, config)
}

// TestRights: an application needs no others than these, and each one that is missing is named.
func TestRights(t *testing.T) {
	t.Run("all", func(t *testing.T) {
		r, config := newRightsRig(t, rights(t))
		_, stop := r.start(countWords, config)
		r.send(20)
		r.requireCounts("per-key", 10)
		r.requireCounts("per-word", 7)
		require.NoError(t, stop())
		require.NotContains(t, r.log.String(), password)
	})
	for _, missing := range rights(t) {
		if missing.Operation == kmsg.ACLOperationDelete {
			continue // see TestPurgeThatIsRefused
		}
		operation := strings.ReplaceAll(missing.Operation.String(), "_", "")
		t.Run("without "+operation+" "+missing.Name, func(t *testing.T) {
			err := lacking(t, missing)
			var right *streams.RightsError
			require.ErrorAs(t, err, &right)
			require.True(t, strings.EqualFold(operation, right.Operation), err)
			require.Equal(t, missing.Name, right.Name, err)
			require.Equal(t, missing.Pattern == kmsg.ACLResourcePatternTypePrefixed, right.Prefixed)
			require.True(t, strings.EqualFold(strings.ReplaceAll(missing.Resource.String(), "_", "-"), right.Resource), err)
			require.NotContains(t, err.Error(), password)
		})
	}
}

// TestPurgeThatIsRefused is told: the repartition topic grows without end.
func TestPurgeThatIsRefused(t *testing.T) {
	granted := slices.DeleteFunc(rights(t), func(a kfake.ACL) bool { return a.Operation == kmsg.ACLOperationDelete })
	r, config := newRightsRig(t, granted)
	_, stop := r.start(countWords, config)
	r.send(20)
	r.requireCounts("per-word", 7)
	r.requireLog("repartition topics grow without end")
	r.requireLog("no right to Delete topic app-by-word-repartition")
	require.NoError(t, stop())
}

// TestOptionsThatUndoGuarantees are refused, by name.
func TestOptionsThatUndoGuarantees(t *testing.T) {
	for name, option := range map[string]kgo.Opt{
		"AllowAutoTopicCreation": kgo.AllowAutoTopicCreation(),
		"ConsumeRegex":           kgo.ConsumeRegex(),
		"ConsumerGroup":          kgo.ConsumerGroup("another"),
		"ConsumeTopics":          kgo.ConsumeTopics("words"),
		"TransactionalID":        kgo.TransactionalID("mine"),
	} {
		r := newCountRig(t)
		config := r.config(t.TempDir())
		config.Kafka = []kgo.Opt{option}
		require.ErrorContains(t, r.run(countWords, config), "kgo."+name)
	}
	r := newCountRig(t)
	config := r.config(t.TempDir())
	config.Guarantee = streams.AtLeastOnce
	config.Kafka = []kgo.Opt{kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.NoAck())}
	require.ErrorContains(t, r.run(countWords, config), "kgo.DisableIdempotentWrite")
}

// TestBrokersThatAreTooOld for exactly once are refused, and do for at least once.
func TestBrokersThatAreTooOld(t *testing.T) {
	r := newRigOf(t, kfake.SeedTopics(2, "words", "per-key", "per-word"), kfake.MaxVersions(kversion.V2_4_0()))
	require.ErrorContains(t, r.run(countWords, r.config(t.TempDir())), "older than Kafka 2.5")
	config := r.config(t.TempDir())
	config.Guarantee = streams.AtLeastOnce
	_, stop := r.start(countWords, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
}

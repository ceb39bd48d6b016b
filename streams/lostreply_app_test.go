package streams_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// replies is the network of a process that loses the reply to one request, and then is cut, see wire.
type replies struct {
	wire
	lose   atomic.Int32 // key of the request; -1: none
	before bool         // the request itself is lost
	once   bool         // that is all: the network is not cut
	lost   chan struct{}
}

func newReplies() *replies {
	w := &replies{lost: make(chan struct{})}
	w.lose.Store(-1)
	return w
}

func (w *replies) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c, err := w.wire.dial(ctx, network, host)
	if err != nil {
		return nil, err
	}
	r := &repliedConn{Conn: c, of: w}
	r.awaited.Store(-1)
	return r, nil
}

// repliedConn reads replies as a whole.
type repliedConn struct {
	net.Conn
	of      *replies
	awaited atomic.Int64 // correlation id of the request whose reply is to be lost; -1: none
	reply   bytes.Buffer
}

func (c *repliedConn) Write(b []byte) (int, error) {
	if len(b) >= 12 && c.of.lose.CompareAndSwap(int32(binary.BigEndian.Uint16(b[4:])), -1) {
		if c.of.before {
			return 0, c.fail()
		}
		c.awaited.Store(int64(binary.BigEndian.Uint32(b[8:])))
	}
	return c.Conn.Write(b)
}

func (c *repliedConn) Read(b []byte) (int, error) {
	if c.reply.Len() == 0 {
		head := make([]byte, 8)
		if _, err := io.ReadFull(c.Conn, head); err != nil {
			return 0, err
		}
		c.reply.Write(head)
		if _, err := io.CopyN(&c.reply, c.Conn, int64(binary.BigEndian.Uint32(head))-4); err != nil {
			return 0, err
		}
		if int64(binary.BigEndian.Uint32(head[4:])) == c.awaited.Load() {
			c.reply.Reset()
			return 0, c.fail()
		}
	}
	return c.reply.Read(b)
}

func (c *repliedConn) fail() error {
	if c.of.once {
		c.Close()
	} else {
		c.of.cut(true)
	}
	close(c.of.lost)
	return io.EOF
}

// TestCommitWhoseReplyIsLost, of stores without changelogs: the rows of it are nowhere else. Whether the brokers have it
// the next session finds.
func TestCommitWhoseReplyIsLost(t *testing.T) {
	disk := state.NewKeyValue("per-key", serde.String, serde.Int64).NoChangelog()
	for guarantee, request := range map[streams.Guarantee]kmsg.Key{
		streams.ExactlyOnce: kmsg.EndTxn, streams.AtLeastOnce: kmsg.OffsetCommit,
	} {
		for where, rows := range map[string]state.KeyValue[string, int64]{"disk": disk, "memory": disk.InMemory()} {
			for _, before := range []bool{false, true} {
				if before && guarantee == streams.AtLeastOnce {
					continue // results come twice
				}
				t.Run(fmt.Sprint(guarantee, " ", where, " ", before), func(t *testing.T) {
					r, w := newRigOf(t, kfake.SeedTopics(1, "words", "per-key")), newReplies()
					w.before = before
					config := r.config(t.TempDir())
					config.Guarantee, config.Kafka = guarantee, append(config.Kafka, kgo.Dialer(w.dial))
					stop := r.startRunning(func(b *streams.Builder) {
						streams.From(b, words).GroupByKey().Count(rows).ToStream().To(perKey)
					}, config)
					r.send(20)
					r.requireCounts("per-key", 10)
					w.lose.Store(int32(request))
					r.send(20)
					<-w.lost
					again := func() bool { return strings.Contains(r.log.String(), "begins again") }
					require.Eventually(t, again, 5*time.Minute, time.Millisecond)
					w.cut(false)
					r.send(20)
					r.requireCounts("per-key", 10)
					require.NoError(t, stop())
				})
			}
		}
	}
}

// TestEndOfATransactionThatMayComeLate: the connection breaks before the reply, and the client asks again, which is
// answered. Brokers before transaction version 2 may act on the first request as late as they like (KAFKA-17754): no
// other transaction may be open under its epoch then.
func TestEndOfATransactionThatMayComeLate(t *testing.T) {
	r := newRigOf(t, kfake.SeedTopics(1, "words", "per-key"), kfake.MaxVersions(kversion.V3_5_0()))
	w := newReplies()
	w.once = true
	config := r.config(t.TempDir())
	config.Kafka = append(config.Kafka, kgo.Dialer(w.dial))
	var mu sync.Mutex
	var ended, begun []producing
	r.fake.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		r.fake.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		switch req := req.(type) {
		case *kmsg.EndTxnRequest:
			ended = append(ended, producing{req.ProducerID, req.ProducerEpoch})
		case *kmsg.AddPartitionsToTxnRequest:
			begun = append(begun, producing{req.ProducerID, req.ProducerEpoch})
		}
		return nil, nil, false
	})
	stop := r.startRunning(countKeys, config)
	r.send(20)
	r.requireCounts("per-key", 10)
	mu.Lock()
	ended, begun = nil, nil
	mu.Unlock()
	w.lose.Store(int32(kmsg.EndTxn))
	r.send(10)
	<-w.lost
	r.requireCounts("per-key", 10)
	mu.Lock()
	late := ended[0]
	begun = nil
	mu.Unlock()
	r.send(20)
	r.requireCounts("per-key", 10)
	require.NoError(t, stop())
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, begun)
	require.NotContains(t, begun, late)
}

// producing is a producer's id and epoch.
type producing struct {
	id    int64
	epoch int16
}

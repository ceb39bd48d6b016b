package streams_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestLostReplies: the broker has acted on a request, and nobody hears of it. Nothing is done twice and nothing is
// lost, whether the client asks again or leaves it to the worker.
func TestLostReplies(t *testing.T) {
	for _, key := range []kmsg.Key{
		kmsg.InitProducerID, kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn,
		kmsg.OffsetFetch, kmsg.JoinGroup, kmsg.SyncGroup,
	} {
		for _, retries := range []int{0, 20} {
			t.Run(fmt.Sprint(key.Name(), " retries ", retries), func(t *testing.T) {
				r := newCountRig(t)
				var asked, lost atomic.Int64
				var heard atomic.Bool // every reply from now on
				lose := func(k kmsg.Key) bool {
					if k != key || heard.Load() || asked.Add(1)%3 != 1 || lost.Load() == 3 {
						return false
					}
					lost.Add(1)
					return true
				}
				config := r.config(t.TempDir())
				config.Kafka = []kgo.Opt{kgo.RequestRetries(retries), kgo.Dialer(deafDialer(lose))}
				_, stop := r.start(countWords, config)
				for range 4 {
					r.send(20)
				}
				r.requireCounts("per-key", 10)
				// The last commit is not made twice: a stop that does not hear of it says so.
				heard.Store(true)
				r.send(20)
				r.requireCounts("per-key", 10)
				r.requireCounts("per-word", 7)
				require.NoError(t, stop())
				require.Positive(t, lost.Load())
			})
		}
	}
}

// deafDialer dials connections that lose the replies to some requests.
func deafDialer(lose func(kmsg.Key) bool) func(ctx context.Context, network, host string) (net.Conn, error) {
	return func(ctx context.Context, network, host string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, host)
		if err != nil {
			return nil, err
		}
		return &deafConn{Conn: conn, lose: lose}, nil
	}
}

// deafConn breaks when a reply comes that is to be lost. The client writes each request at once.
type deafConn struct {
	net.Conn
	lose func(kmsg.Key) bool
	deaf atomic.Bool
}

func (c *deafConn) Write(request []byte) (int, error) {
	if len(request) > 6 && c.lose(kmsg.Key(binary.BigEndian.Uint16(request[4:]))) {
		c.deaf.Store(true)
	}
	return c.Conn.Write(request)
}

func (c *deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.deaf.Load() {
		c.Conn.Close()
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

package streams

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// reach tells when a broker that could not be reached is reached again: of the failures the clients warn. It is a hook
// of all clients of an App.
type reach struct {
	log *slog.Logger
	mu  sync.Mutex
	// down are the brokers whose last connection failed, and since when they do.
	down map[string]time.Time
}

func newReach(log *slog.Logger) *reach { return &reach{log: log, down: map[string]time.Time{}} }

// OnBrokerConnect is kgo.HookBrokerConnect.
func (r *reach) OnBrokerConnect(broker kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	addr := net.JoinHostPort(broker.Host, strconv.Itoa(int(broker.Port)))
	r.mu.Lock()
	since, down := r.down[addr]
	switch {
	case err == nil:
		delete(r.down, addr)
	case !down && !errors.Is(err, context.Canceled): // a client that ends
		r.down[addr] = time.Now()
	}
	r.mu.Unlock()
	if err == nil && down {
		r.log.Info("broker is reached again", "addr", addr, "after", time.Since(since).Round(time.Millisecond).String())
	}
}

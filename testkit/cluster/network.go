package cluster

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// network is what one instance reaches the brokers through.
type network struct {
	broker *kfake.VirtualNetwork

	mu struct {
		sync.Mutex
		conns  map[*conn]struct{}
		cut    bool
		thawed chan struct{} // closed when the network is not frozen any more; nil if it is not frozen
		down   map[string]bool
		rules  []*rule
	}
}

// rule does something at a request of a kind.
type rule struct {
	key   int16 // of the request
	after int   // how many requests of the kind pass first
	at    point
	do    func() // nil: the connection breaks there
	met   func() // nil, or told when a request meets the rule
	delay time.Duration
}

// point is where in the life of a request a rule works.
type point int

const (
	beforeRequest point = iota // the broker never sees the request
	beforeReply                // the broker has done what it asks for; the reply does not arrive
	repeat                     // the request reaches the broker twice
	slow                       // the reply is late
)

func (p point) String() string {
	return [...]string{"before the request", "before the reply", "twice", "late"}[p]
}

func newNetwork(broker *kfake.VirtualNetwork) *network {
	n := &network{broker: broker}
	n.mu.conns, n.mu.down = map[*conn]struct{}{}, map[string]bool{}
	return n
}

// errCut is what a machine answers that has nobody at the port.
var errCut = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// dial is the dialer of the instance's clients.
func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	if err := n.passes(ctx, address); err != nil {
		return nil, err
	}
	inner, err := n.broker.DialContext(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	c := newConn(n, inner, address)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.cut || n.mu.down[address] {
		inner.Close()
		return nil, errCut
	}
	n.mu.conns[c] = struct{}{}
	return c, nil
}

// passes waits while the network is frozen. It is an error if it is cut.
func (n *network) passes(ctx context.Context, address string) error {
	for {
		n.mu.Lock()
		cut, thawed := n.mu.cut || n.mu.down[address], n.mu.thawed
		n.mu.Unlock()
		switch {
		case cut:
			return errCut
		case thawed == nil:
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-thawed:
		}
	}
}

// cut ends all connections, and lets none begin until it is mended.
func (n *network) cut(cut bool) {
	n.mu.Lock()
	n.mu.cut = cut
	n.mu.Unlock()
	if cut {
		n.breakOff("")
	}
}

// down makes one broker unreachable, or reachable again.
func (n *network) down(address string, down bool) {
	n.mu.Lock()
	n.mu.down[address] = down
	n.mu.Unlock()
	if down {
		n.breakOff(address)
	}
}

// breakOff ends the connections with a broker, or with all.
func (n *network) breakOff(address string) {
	n.mu.Lock()
	var conns []*conn
	for c := range n.mu.conns {
		if address == "" || c.address == address {
			conns = append(conns, c)
		}
	}
	n.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// freeze lets nothing pass, in either direction, until thaw.
func (n *network) freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.thawed == nil {
		n.mu.thawed = make(chan struct{})
	}
}

func (n *network) thaw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.thawed != nil {
		close(n.mu.thawed)
		n.mu.thawed = nil
	}
}

func (n *network) frozen() chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.thawed
}

// rule enters a rule. It works once.
func (n *network) rule(r *rule) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.rules = append(n.mu.rules, r)
}

// clear takes out the rules that have not worked yet.
func (n *network) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.rules = nil
}

// match takes out the rule that a request meets.
func (n *network) match(key int16) *rule {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, r := range n.mu.rules {
		if r.key != key {
			continue
		}
		if r.after > 0 {
			r.after--
			continue
		}
		n.mu.rules = append(n.mu.rules[:i:i], n.mu.rules[i+1:]...)
		if r.met != nil {
			r.met()
		}
		return r
	}
	return nil
}

func (n *network) forget(c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.mu.conns, c)
}

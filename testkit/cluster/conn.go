package cluster

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is a connection that knows where Kafka's requests and replies begin: each is its length in four bytes, and that
// many bytes. A request begins with its kind, its version and a number that its reply begins with.
type conn struct {
	net.Conn
	network *network
	address string
	closed  chan struct{}
	once    sync.Once

	out     []byte // of a request that is not whole yet; the writer's
	in      []byte // of a reply that was not read to its end; the reader's
	mu      sync.Mutex
	replies map[uint32]*rule // by number of the request
	twice   map[uint32]bool  // a second reply comes
	wake    chan struct{}    // closed when a deadline changes
	reading time.Time        // deadlines
	writing time.Time
}

func newConn(n *network, inner net.Conn, address string) *conn {
	return &conn{
		Conn: inner, network: n, address: address, closed: make(chan struct{}), replies: map[uint32]*rule{},
		twice: map[uint32]bool{}, wake: make(chan struct{}),
	}
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.network.forget(c)
	return c.Conn.Close()
}

// Write sends whole requests on.
func (c *conn) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	for {
		if len(c.out) < 4 {
			return len(p), nil
		}
		n := 4 + int(binary.BigEndian.Uint32(c.out))
		if len(c.out) < n {
			return len(p), nil
		}
		if err := c.send(c.out[:n:n]); err != nil {
			return 0, err
		}
		c.out = append(c.out[:0:0], c.out[n:]...)
	}
}

func (c *conn) send(frame []byte) error {
	if err := c.pass(func() time.Time { return c.writing }); err != nil {
		return err
	}
	key, number := int16(binary.BigEndian.Uint16(frame[4:])), binary.BigEndian.Uint32(frame[8:])
	r := c.network.match(key)
	switch {
	case r == nil:
	case r.at == beforeRequest:
		return c.breakAt(r)
	default:
		c.mu.Lock()
		c.replies[number], c.twice[number] = r, r.at == repeat
		c.mu.Unlock()
	}
	_, err := c.Conn.Write(frame)
	if err == nil && r != nil && r.at == repeat {
		_, err = c.Conn.Write(frame)
	}
	return err
}

// breakAt does what a rule wants and ends the connection.
func (c *conn) breakAt(r *rule) error {
	if r.do != nil {
		r.do()
	}
	c.Close()
	return net.ErrClosed
}

// Read gives whole replies on.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.in) == 0 {
		if err := c.receive(); err != nil {
			return 0, err
		}
	}
	if err := c.pass(func() time.Time { return c.reading }); err != nil {
		return 0, err
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *conn) receive() error {
	var length [4]byte
	if _, err := io.ReadFull(c.Conn, length[:]); err != nil {
		return err
	}
	frame := append(length[:], make([]byte, binary.BigEndian.Uint32(length[:]))...)
	if _, err := io.ReadFull(c.Conn, frame[4:]); err != nil {
		return err
	}
	number := binary.BigEndian.Uint32(frame[4:])
	c.mu.Lock()
	r := c.replies[number]
	if !c.twice[number] {
		delete(c.replies, number)
	}
	delete(c.twice, number)
	c.mu.Unlock()
	delay := latency
	switch {
	case r == nil:
	case r.at == beforeReply:
		return c.breakAt(r)
	case r.at == repeat && c.expects(number): // the first of two: the client waits for one
		return nil
	case r.at == slow:
		delay = r.delay
	}
	c.in = frame
	return c.sleep(delay)
}

// latency is how long each reply takes: else a client that asks again and again, as one does for a topic that was
// deleted, would keep the time of its bubble from going on.
const latency = time.Millisecond

// expects is true if another reply with a number comes.
func (c *conn) expects(number uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.replies[number]
	return ok
}

// pass waits while the network is frozen, up to a deadline.
func (c *conn) pass(deadline func() time.Time) error {
	for {
		thawed := c.network.frozen()
		if thawed == nil {
			return nil
		}
		if err := c.wait(thawed, deadline); err != nil {
			return err
		}
	}
}

// sleep waits for a while, as a reader does: up to its deadline.
func (c *conn) sleep(d time.Duration) error {
	over := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	return c.wait(over, func() time.Time { return c.reading })
}

// wait waits for the end of something, up to a deadline, which may change meanwhile, and to the end of the connection.
func (c *conn) wait(over <-chan struct{}, deadline func() time.Time) error {
	for {
		c.mu.Lock()
		until, changed := deadline(), c.wake
		c.mu.Unlock()
		var late <-chan time.Time
		if !until.IsZero() {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-over:
			return nil
		case <-changed:
		case <-c.closed:
			return net.ErrClosed
		case <-late:
			return os.ErrDeadlineExceeded
		}
	}
}

func (c *conn) SetDeadline(t time.Time) error {
	c.deadline(func() { c.reading, c.writing = t, t })
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.deadline(func() { c.reading = t })
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.deadline(func() { c.writing = t })
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) deadline(set func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set()
	close(c.wake)
	c.wake = make(chan struct{})
}

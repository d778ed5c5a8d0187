package clients

import (
	"context"
	"net"
	"sync"
	"testing"

	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

func TestFastStartNeedsNoAnswerBeforeTheFirstFrame(t *testing.T) {
	t.Parallel()
	r := start(t, named4)
	c := byURL(t, r, key.NewNode())
	gate := &afterHandshake{open: make(chan struct{}), closed: make(chan struct{})}
	c.SetURLDialer(gate.dialer(r))
	// With the gate shut nothing that follows the TLS handshake can be read,
	// so this returns only if the client has the relay's key already.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatalf("the client waits for an answer: %v", err)
	}
	if c.ServerPublicKey() != r.Public {
		t.Errorf("the certificate names %v, want %v", c.ServerPublicKey(), r.Public)
	}
	close(gate.open)
	// Had the relay sent an HTTP response, its first frame would be garbage.
	p := joinAs(t, c, "p")
	pass(t, p, p, []byte("after a fast start"))
}

func TestWithoutTLSTheClientTakesTheRelaysKeyFromItsFirstFrame(t *testing.T) {
	t.Parallel()
	r := start(t, plain4)
	p := join(t, r, byURL, "p")
	if p.ServerPublicKey() != r.Public {
		t.Errorf("the relay says it is %v, want %v", p.ServerPublicKey(), r.Public)
	}
}

// afterHandshake is a connection whose reads stop once the client has sent
// its last handshake message, until open is closed.
type afterHandshake struct {
	net.Conn
	open   chan struct{}
	closed chan struct{}
	close  sync.Once

	mu      sync.Mutex
	records recordCounter
}

func (g *afterHandshake) dialer(r *subject.Relay) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, r.HostPort())
		g.Conn = conn
		return g, err
	}
}

func (g *afterHandshake) Write(b []byte) (int, error) {
	g.mu.Lock()
	g.records.add(b)
	g.mu.Unlock()
	return g.Conn.Write(b)
}

func (g *afterHandshake) Read(b []byte) (int, error) {
	g.mu.Lock()
	finished := g.records.encrypted > 0
	g.mu.Unlock()
	if finished {
		select {
		case <-g.open:
		case <-g.closed:
		}
	}
	return g.Conn.Read(b)
}

func (g *afterHandshake) Close() error {
	g.close.Do(func() { close(g.closed) })
	return g.Conn.Close()
}

// recordCounter counts TLS records of the encrypted kind in a byte stream.
// In TLS 1.3 the first one a client sends is the end of its handshake.
type recordCounter struct {
	header    []byte
	skip      int
	encrypted int
}

func (c *recordCounter) add(b []byte) {
	for len(b) > 0 {
		if c.skip > 0 {
			n := min(c.skip, len(b))
			c.skip -= n
			b = b[n:]
			continue
		}
		c.header = append(c.header, b[0])
		b = b[1:]
		if len(c.header) == 5 {
			if c.header[0] == 0x17 {
				c.encrypted++
			}
			c.skip = int(c.header[3])<<8 | int(c.header[4])
			c.header = c.header[:0]
		}
	}
}

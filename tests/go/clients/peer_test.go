package clients

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// patience bounds every wait for something that must happen; how long it
// takes is not what these tests measure.
const patience = 15 * time.Second

// peer is a connected client whose messages are read into a channel.
type peer struct {
	*derphttp.Client
	name string
	// inbox ends with the connection: the client would dial again, and hide
	// that it was cut.
	inbox chan derp.ReceivedMessage
	cut   chan error
}

// dialer makes an unconnected client for a relay.
type dialer func(t *testing.T, r *subject.Relay, k key.NodePrivate) *derphttp.Client

// byMap dials as magicsock does: by a DERP map region that names the relay.
func byMap(t *testing.T, r *subject.Relay, k key.NodePrivate) *derphttp.Client {
	reg := region(1, r.Node("1a", 1))
	return derphttp.NewRegionClient(k, t.Logf, netmon.NewStatic(), func() *tailcfg.DERPRegion { return reg })
}

// byMapTLS12 is [byMap] with a client that cannot do TLS 1.3, so that it does
// not look for the relay's key in the certificates.
func byMapTLS12(t *testing.T, r *subject.Relay, k key.NodePrivate) *derphttp.Client {
	c := byMap(t, r, k)
	c.TLSConfig = &tls.Config{MaxVersion: tls.VersionTLS12}
	return c
}

// byURL dials as a relay dials its siblings.
func byURL(t *testing.T, r *subject.Relay, k key.NodePrivate) *derphttp.Client {
	c, err := derphttp.NewClient(k, r.URL()+"/derp", t.Logf, netmon.NewStatic())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// join connects a client with a new key and reads its first message.
func join(t *testing.T, r *subject.Relay, dial dialer, name string) *peer {
	t.Helper()
	return joinAs(t, dial(t, r, key.NewNode()), name)
}

// joinAs connects c, checks the relay's answer, and starts reading.
func joinAs(t *testing.T, c *derphttp.Client, name string) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Connect(ctx); err != nil {
		t.Fatalf("%s does not connect: %v", name, err)
	}
	p := &peer{c, name, make(chan derp.ReceivedMessage, 1000), make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(p.inbox)
		for {
			m, err := c.Recv()
			if err != nil {
				p.cut <- err
				return
			}
			if pkt, ok := m.(derp.ReceivedPacket); ok {
				pkt.Data = bytes.Clone(pkt.Data) // valid until the next Recv only
				m = pkt
			}
			p.inbox <- m
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done // its log calls must not outlive the test
	})
	next[derp.ServerInfoMessage](t, p)
	return p
}

// next returns the next message, which must be a T. Keep-alives do not count.
func next[T derp.ReceivedMessage](t *testing.T, p *peer) T {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case m, ok := <-p.inbox:
			if !ok {
				t.Fatalf("%s waits for %T but was cut: %v", p.name, *new(T), <-p.cut)
			}
			if want, ok := m.(T); ok {
				return want
			}
			if _, ok := m.(derp.KeepAliveMessage); !ok {
				t.Fatalf("%s waits for %T but got %#v", p.name, *new(T), m)
			}
		case <-limit:
			t.Fatalf("%s waits for %T in vain", p.name, *new(T))
		}
	}
}

// settle returns once the relay has handled everything p sent before, and p
// has read everything the relay wrote to it before. Anything but the answer is
// returned.
func settle(t *testing.T, p *peer) (before []derp.ReceivedMessage) {
	t.Helper()
	var data [8]byte
	copy(data[:], "settle!!")
	if err := p.SendPing(data); err != nil {
		t.Fatalf("%s cannot ping: %v", p.name, err)
	}
	limit := time.After(patience)
	for {
		select {
		case m, ok := <-p.inbox:
			if !ok {
				t.Fatalf("%s was cut: %v", p.name, <-p.cut)
			}
			if pong, ok := m.(derp.PongMessage); ok && pong == derp.PongMessage(data) {
				return before
			}
			before = append(before, m)
		case <-limit:
			t.Fatalf("%s waits for a pong in vain", p.name)
		}
	}
}

// send hands the relay a packet for a peer.
func send(t *testing.T, from *peer, to key.NodePublic, packet []byte) {
	t.Helper()
	if err := from.Send(to, packet); err != nil {
		t.Fatalf("%s cannot send: %v", from.name, err)
	}
}

// wantPacket receives one packet and compares it.
func wantPacket(t *testing.T, at *peer, from key.NodePublic, packet []byte) {
	t.Helper()
	got := next[derp.ReceivedPacket](t, at)
	if got.Source != from {
		t.Errorf("%s: source is %v, want %v", at.name, got.Source, from)
	}
	if bytes.Equal(got.Data, packet) {
		return
	}
	i := 0
	for i < len(got.Data) && i < len(packet) && got.Data[i] == packet[i] {
		i++
	}
	t.Errorf("%s: got %d bytes, want %d; they differ from byte %d on: %.16x, want %.16x",
		at.name, len(got.Data), len(packet), i, got.Data[i:], packet[i:])
}

// pass sends one packet and waits for it.
func pass(t *testing.T, from, to *peer, packet []byte) {
	t.Helper()
	send(t, from, to.SelfPublicKey(), packet)
	wantPacket(t, to, from.SelfPublicKey(), packet)
}

// metric reads one value of the relay's metrics; it must be there.
func metric(t *testing.T, r *subject.Relay, name string) float64 {
	t.Helper()
	c := http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		Timeout:   patience,
	}
	defer c.CloseIdleConnections()
	resp, err := c.Get(r.MetricsURL())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %s, %v", resp.Status, err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				t.Fatalf("metric %s: %v", name, err)
			}
			return f
		}
	}
	t.Fatalf("no metric %s in:\n%s", name, text)
	return 0
}

// derpMap returns a map of the given regions.
func derpMap(regions ...*tailcfg.DERPRegion) *tailcfg.DERPMap {
	m := &tailcfg.DERPMap{Regions: map[int]*tailcfg.DERPRegion{}}
	for _, r := range regions {
		m.Regions[r.RegionID] = r
	}
	return m
}

// region returns a region of the given nodes.
func region(id int, nodes ...*tailcfg.DERPNode) *tailcfg.DERPRegion {
	code := fmt.Sprintf("t%d", id)
	return &tailcfg.DERPRegion{RegionID: id, RegionCode: code, RegionName: "Test " + code, Nodes: nodes}
}

// disco returns something a relay takes for a discovery packet: the magic, and
// as long as the shortest one.
func disco() []byte {
	return append([]byte("TS\xf0\x9f\x92\xac"), make([]byte, 56)...)
}

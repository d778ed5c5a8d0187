package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
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

// ways are the kinds of connection a stock client makes.
var ways = []struct {
	name string
	how  subject.Options
	dial dialer
}{
	{"pinned, TLS 1.3, IPv4", pinned4, byMap},
	{"pinned, TLS 1.3, IPv6", pinned6, byMap},
	{"pinned, TLS 1.2", pinned4, byMapTLS12},
	{"named, TLS 1.3", named4, byMap},
	{"named, by URL", named4, byURL},
	{"plain HTTP, IPv4", plain4, byURL},
	{"plain HTTP, IPv6", plain6, byURL},
}

// sizes go around the borders that matter to a relay: nothing, a key, the
// shortest discovery packet, usual packets, buffers, a TLS record, the limit.
var sizes = []int{0, 1, 31, 32, 33, 61, 62, 63, 1280, 1400, 2043, 2048, 4096, 16347, 16384, 32768, 65503, 65504, 65535, 65536}

func TestPacketsOfEverySizeArriveUnchangedOverEveryKindOfConnection(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, w.how)
			a, b := join(t, r, w.dial, "a"), join(t, r, w.dial, "b")
			if a.ServerPublicKey() != r.Public {
				t.Errorf("the relay says it is %v, want %v", a.ServerPublicKey(), r.Public)
			}
			for _, n := range sizes {
				packet := random(n)
				pass(t, a, b, packet)
				pass(t, b, a, packet)
			}
		})
	}
}

func TestPacketsToOneselfComeBack(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a := join(t, r, byMap, "a")
	pass(t, a, a, []byte("hello me"))
	pass(t, a, a, disco())
}

func TestPacketsOfOneSenderStayInOrder(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a, b := join(t, r, byMap, "a"), join(t, r, byMap, "b")
	// 30 is under the reference's queue of 32: none may be dropped.
	for round := range 50 {
		for i := range 30 {
			send(t, a, b.SelfPublicKey(), fmt.Appendf(nil, "packet %d %d", round, i))
		}
		for i := range 30 {
			wantPacket(t, b, a.SelfPublicKey(), fmt.Appendf(nil, "packet %d %d", round, i))
		}
	}
}

func TestAPeerThatStopsReadingDoesNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a, b := join(t, r, byMap, "a"), join(t, r, byMap, "b")
	frozen := byMap(t, r, key.NewNode())
	defer frozen.Close()
	if err := frozen.Connect(context.Background()); err != nil {
		t.Fatal(err)
	}
	// 32 MB, more than the sockets on the way hold: the relay must drop.
	for i := range 500 {
		send(t, a, frozen.SelfPublicKey(), random(65536))
		pass(t, a, b, fmt.Appendf(nil, "past the frozen one %d", i))
	}
}

func TestAPacketGoesOnlyToItsDestination(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a, b, c := join(t, r, byMap, "a"), join(t, r, byMap, "b"), join(t, r, byMap, "c")
	pass(t, a, b, []byte("for b alone"))
	if stray := settle(t, c); len(stray) > 0 {
		t.Errorf("c got %#v", stray)
	}
}

func TestTheMetaCertificateComesLastAndNamesTheRelay(t *testing.T) {
	for _, how := range []subject.Options{pinned4, pinned6, named4} {
		for name, version := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
			t.Run(how.Name+", "+name, func(t *testing.T) {
				t.Parallel()
				r := start(t, how)
				c, err := tls.Dial("tcp", r.HostPort(), &tls.Config{
					ServerName: how.Name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version,
				})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				checkMetaCertificate(t, r, c.ConnectionState().PeerCertificates)
			})
		}
	}
}

func checkMetaCertificate(t *testing.T, r *subject.Relay, chain []*x509.Certificate) {
	t.Helper()
	if len(chain) != 2 {
		t.Fatalf("%d certificates, want the relay's own and the meta certificate", len(chain))
	}
	meta := chain[1]
	if want := "derpkey" + r.Public.UntypedHexString(); meta.Subject.CommonName != want {
		t.Errorf("common name is %q, want %q", meta.Subject.CommonName, want)
	}
	if meta.Issuer.CommonName != meta.Subject.CommonName || len(meta.DNSNames)+len(meta.IPAddresses) != 0 {
		t.Errorf("issuer %q, names %v %v: want its own name and no other", meta.Issuer.CommonName, meta.DNSNames, meta.IPAddresses)
	}
	if meta.SerialNumber.Int64() != derp.ProtocolVersion {
		t.Errorf("serial is %v, want the protocol version", meta.SerialNumber)
	}
	if len(meta.Extensions) != 1 || meta.Extensions[0].Id.String() != "2.5.29.19" || meta.IsCA {
		t.Errorf("extensions are %v, want basic constraints alone", meta.Extensions)
	}
	if now := time.Now(); now.Before(meta.NotBefore) || now.After(meta.NotAfter) {
		t.Errorf("valid from %v to %v, not now", meta.NotBefore, meta.NotAfter)
	}
}

func TestAWrongPinIsRefusedByTheClient(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	node := r.Node("1a", 1)
	node.CertName = "sha256-raw:" + strings.Repeat("0", 64)
	c := derphttp.NewRegionClient(key.NewNode(), t.Logf, netmon.NewStatic(), func() *tailcfg.DERPRegion { return region(1, node) })
	defer c.Close()
	if err := c.Connect(context.Background()); err == nil {
		t.Fatal("connected to a relay with another certificate")
	}
}

func TestPingsAreAnsweredOnEveryKindOfConnection(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, w.how)
			p := join(t, r, w.dial, "p")
			for range 10 {
				var data [8]byte
				copy(data[:], random(8))
				if err := p.SendPing(data); err != nil {
					t.Fatal(err)
				}
				if pong := next[derp.PongMessage](t, p); pong != derp.PongMessage(data) {
					t.Errorf("pong is %x, want %x", pong, data)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := p.Ping(ctx); err != nil { // the client's own round trip
				t.Error(err)
			}
		})
	}
}

func TestTheHomeGaugeFollowsNotePreferred(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	p := join(t, r, byMap, "p")
	for _, step := range []struct {
		home bool
		want float64
	}{{true, 1}, {true, 1}, {false, 0}, {false, 0}, {true, 1}} {
		p.NotePreferred(step.home)
		settle(t, p)
		if got := metric(t, r, "derp_current_home_connections"); got != step.want {
			t.Fatalf("after %v the gauge is %v, want %v", step.home, got, step.want)
		}
	}
}

func TestAClientOnItsSecondChoiceIsKnownAsNotIdeal(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	closed, err := subject.FreePorts(r.Host)
	if err != nil {
		t.Fatal(err)
	}
	first := r.Node("1a", 1)
	first.DERPPort = int(closed.DERP)
	reg := region(1, first, r.Node("1b", 1))
	c := derphttp.NewRegionClient(key.NewNode(), t.Logf, netmon.NewStatic(), func() *tailcfg.DERPRegion { return reg })
	p := joinAs(t, c, "p")
	w, _ := watchPeers(t, r, key.NodePublic{}, key.NewNode())
	wantPresence(t, w.wantPresent(t, 2), p, derp.PeerPresentNotIdeal)
	if got := metric(t, r, "derp_current_notideal_connections"); got != 1 {
		t.Errorf("the gauge is %v, want 1", got)
	}
}

func TestAnIdleClientHearsAKeepAliveWithinTheAgreedTime(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes over a minute of waiting")
	}
	t.Parallel()
	r := start(t, pinned4)
	begin := time.Now()
	p := join(t, r, byMap, "p")
	select {
	case m := <-p.inbox:
		// 60 s and up to 5 s of jitter; a client gives up after 120 s and
		// complains after 125 s without a frame on its home connection.
		after := time.Since(begin)
		if _, ok := m.(derp.KeepAliveMessage); !ok || after < 59*time.Second {
			t.Errorf("got %#v after %v", m, after)
		}
	case <-time.After(75 * time.Second):
		t.Error("heard nothing for 75 s")
	}
}

// random returns n bytes that do not look like a discovery packet. No seed is
// kept: which bytes they are must not matter, and a difference is reported by
// position.
func random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	if n > 0 {
		b[0] = 0
	}
	return b
}

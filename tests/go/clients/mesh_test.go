package clients

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tailscale.com/derp"
	"tailscale.com/derp/derphttp"
	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// meshKey is the shared secret of all meshes here; any 64 hex digits do.
var meshKey = strings.Repeat("a5", 32)

func withMeshKey(o subject.Options) subject.Options {
	o.MeshKey = meshKey
	return o
}

func parsedMeshKey(t *testing.T) key.DERPMesh {
	k, err := key.ParseDERPMesh(meshKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// watch is a client that runs Tailscale's own watch loop.
type watch struct {
	key    key.NodePublic
	events chan any // derp.PeerPresentMessage, derp.PeerGoneMessage, error

	mu   sync.Mutex
	conn net.Conn
}

// watchPeers starts a watch loop; it ends with the test.
func watchPeers(t *testing.T, r *subject.Relay, ignore key.NodePublic, k key.NodePrivate) (w *watch, done chan struct{}) {
	w = &watch{key: k.Public(), events: make(chan any, 1000)}
	c := byURL(t, r, k)
	c.MeshKey = parsedMeshKey(t)
	c.SetURLDialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, r.HostPort())
		w.mu.Lock()
		w.conn = conn
		w.mu.Unlock()
		return conn, err
	})
	ctx, cancel := context.WithCancel(context.Background())
	done = make(chan struct{})
	go func() {
		defer close(done)
		c.RunWatchConnectionLoop(ctx, ignore, t.Logf,
			func(m derp.PeerPresentMessage) { w.events <- m },
			func(m derp.PeerGoneMessage) { w.events <- m },
			func(err error) { w.events <- err })
	}()
	t.Cleanup(func() {
		cancel()
		c.Close()
		<-done
	})
	return w, done
}

// cut breaks the watcher's connection under it.
func (w *watch) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.Close()
}

// event returns the watcher's next event.
func (w *watch) event(t *testing.T) any {
	t.Helper()
	select {
	case e := <-w.events:
		return e
	case <-time.After(patience):
		t.Fatal("the watcher waits for an event in vain")
		return nil
	}
}

// wantPresent reads n present events and returns them by key.
func (w *watch) wantPresent(t *testing.T, n int) map[key.NodePublic]derp.PeerPresentMessage {
	t.Helper()
	seen := map[key.NodePublic]derp.PeerPresentMessage{}
	for range n {
		m, ok := w.event(t).(derp.PeerPresentMessage)
		if !ok {
			t.Fatalf("got %#v, want a present peer", m)
		}
		seen[m.Key] = m
	}
	return seen
}

func TestAWatcherSeesWhoIsThereWhoComesAndWhoGoes(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	early := join(t, r, byMap, "early")
	w, _ := watchPeers(t, r, key.NodePublic{}, key.NewNode())

	seen := w.wantPresent(t, 2) // in any order
	wantPresence(t, seen, early, derp.PeerPresentIsRegular)
	if m := seen[w.key]; m.Flags != derp.PeerPresentIsMeshPeer || !m.IPPort.Addr().Is4() {
		t.Errorf("the watcher itself is %+v, want a mesh peer at an IPv4 address", m)
	}

	late := join(t, r, byMap, "late")
	wantPresence(t, w.wantPresent(t, 1), late, derp.PeerPresentIsRegular)

	c := byMap(t, r, key.NewNode())
	c.IsProber = true
	prober := joinAs(t, c, "prober")
	wantPresence(t, w.wantPresent(t, 1), prober, derp.PeerPresentIsProber)

	early.Close()
	if e, want := w.event(t), (derp.PeerGoneMessage{Peer: early.SelfPublicKey(), Reason: derp.PeerGoneReasonDisconnected}); e != want {
		t.Errorf("got %+v, want %+v", e, want)
	}
}

// wantPresence checks what a watcher was told of a peer.
func wantPresence(t *testing.T, seen map[key.NodePublic]derp.PeerPresentMessage, p *peer, flags derp.PeerPresentFlags) {
	t.Helper()
	local, err := p.LocalAddr()
	if err != nil {
		t.Fatal(err)
	}
	want := derp.PeerPresentMessage{Key: p.SelfPublicKey(), IPPort: local, Flags: flags}
	if got := seen[p.SelfPublicKey()]; got != want {
		t.Errorf("%s is %+v to the watcher, want %+v", p.name, got, want)
	}
}

func TestAWatcherSeesTheSamePeersAfterEveryReconnect(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	p := join(t, r, byMap, "p")
	w, _ := watchPeers(t, r, key.NodePublic{}, key.NewNode())
	wantBoth := func() {
		t.Helper()
		if seen := w.wantPresent(t, 2); seen[p.SelfPublicKey()].Key.IsZero() || seen[w.key].Key.IsZero() {
			t.Fatalf("saw %v, want the peer and the watcher", seen)
		}
	}
	wantBoth()
	for range 2 { // each takes the five seconds that the client sleeps
		w.cut()
		for range 2 {
			m, ok := w.event(t).(derp.PeerGoneMessage)
			if !ok || m.Reason != derp.PeerGoneReasonMeshConnBroke {
				t.Fatalf("got %#v, want the list cleared", m)
			}
		}
		if err, ok := w.event(t).(error); !ok {
			t.Fatalf("got %v, want the error that ended the connection", err)
		}
		wantBoth()
	}
}

func TestARelayRecognisesItselfAmongItsSiblings(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	_, done := watchPeers(t, r, r.Public, r.Private)
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("the watch loop does not end though it met itself")
	}
}

func TestWatchingWithoutTheMeshKeyIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	for name, wrong := range map[string]string{"no key": "", "another key": strings.Repeat("5a", 32)} {
		c := byURL(t, r, key.NewNode())
		if wrong != "" {
			var err error
			if c.MeshKey, err = key.ParseDERPMesh(wrong); err != nil {
				t.Fatal(err)
			}
		}
		p := joinAs(t, c, name)
		pass(t, p, p, []byte("an ordinary client all the same"))
		for _, m := range untilCut(t, watching(t, r, c.MeshKey)) {
			if _, ok := m.(derp.ServerInfoMessage); !ok {
				t.Errorf("heard %#v, want nothing but the answer to the handshake", m)
			}
		}
	}
}

// watching connects a client that asks for presence right away.
func watching(t *testing.T, r *subject.Relay, k key.DERPMesh) *derphttp.Client {
	c := byURL(t, r, key.NewNode())
	c.MeshKey = k
	c.WatchConnectionChanges = true
	return c
}

// untilCut connects and returns what the relay says before it ends the
// connection, which it must.
func untilCut(t *testing.T, c *derphttp.Client) (heard []derp.ReceivedMessage) {
	t.Helper()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Closing it is the only way to end a Recv that should have ended.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := c.Connect(ctx); err != nil {
		return nil // cut while it was still connecting
	}
	for {
		m, err := c.Recv()
		if ctx.Err() != nil {
			t.Fatalf("still connected; heard %#v", heard)
		}
		if err != nil {
			return heard
		}
		heard = append(heard, m)
	}
}

func TestAMeshPeerCanForwardAndClosePeers(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	b := join(t, r, byMap, "b")
	c := byURL(t, r, key.NewNode())
	c.MeshKey = parsedMeshKey(t)
	mesh := joinAs(t, c, "mesh")
	elsewhere := key.NewNode().Public()

	for _, n := range sizes {
		packet := random(n)
		if err := mesh.ForwardPacket(elsewhere, b.SelfPublicKey(), packet); err != nil {
			t.Fatal(err)
		}
		wantPacket(t, b, elsewhere, packet)
	}

	if err := mesh.ClosePeer(b.SelfPublicKey()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-b.cut:
	case <-time.After(patience):
		t.Error("b is still connected")
	}
}

// startMesh runs two relays that are siblings of each other.
func startMesh(t *testing.T) (one, two *subject.Relay) {
	t.Helper()
	needs(t, meshClient)
	second, err := subject.SiblingCommand()
	if err != nil {
		skip(t, err)
	}
	opts := [2]subject.Options{withMeshKey(named4), withMeshKey(named4)}
	for i := range opts {
		if opts[i].Ports, err = subject.FreePorts(opts[i].Host); err != nil {
			t.Fatal(err)
		}
	}
	for i := range opts {
		other := opts[1-i]
		url := (&subject.Relay{Options: other}).URL()
		opts[i].MeshWith = []string{strings.TrimPrefix(url, "https://") + "/" + other.Host}
	}
	opts[1].Command = second
	one, two = start(t, opts[0]), start(t, opts[1])
	awaitSibling(t, one, two)
	awaitSibling(t, two, one)
	return one, two
}

// awaitSibling returns once other is connected to r. A dialler that came too
// early sleeps five seconds.
func awaitSibling(t *testing.T, r, other *subject.Relay) {
	t.Helper()
	w, _ := watchPeers(t, r, key.NodePublic{}, key.NewNode())
	for {
		if m, ok := w.event(t).(derp.PeerPresentMessage); ok && m.Key == other.Public {
			return
		}
	}
}

// sendUntilHeard sends the same packet every 50 ms until it arrives: a relay
// hears of its sibling's peers in its own time, and drops until then.
func sendUntilHeard(t *testing.T, from, to *peer, packet []byte) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for {
		send(t, from, to.SelfPublicKey(), packet)
		select {
		case m := <-to.inbox:
			if p, ok := m.(derp.ReceivedPacket); !ok || p.Source != from.SelfPublicKey() || string(p.Data) != string(packet) {
				t.Fatalf("%s got %#v", to.name, m)
			}
			return
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s never hears %s", to.name, from.name)
		}
	}
}

func TestPeersOfTwoSiblingsReachEachOtherAndLearnOfTheEnd(t *testing.T) {
	t.Parallel()
	one, two := startMesh(t)
	a, b := join(t, one, byMap, "a"), join(t, two, byMap, "b")
	sendUntilHeard(t, a, b, []byte("from one to two"))
	sendUntilHeard(t, b, a, []byte("from two to one"))
	drain := append(settle(t, a), settle(t, b)...) // copies of the first packets
	for _, m := range drain {
		if _, ok := m.(derp.ReceivedPacket); !ok {
			t.Errorf("got %#v", m)
		}
	}
	for _, n := range sizes {
		pass(t, a, b, random(n))
		pass(t, b, a, random(n))
	}
	b.Close()
	gone := next[derp.PeerGoneMessage](t, a)
	if want := (derp.PeerGoneMessage{Peer: b.SelfPublicKey(), Reason: derp.PeerGoneReasonDisconnected}); gone != want {
		t.Errorf("got %+v, want %+v", gone, want)
	}
}

// TestTheReferenceRelayCanBeASibling has derper watch the subject and forward
// to it, whatever the subject itself can do.
func TestTheReferenceRelayCanBeASibling(t *testing.T) {
	t.Parallel()
	r := start(t, withMeshKey(named4))
	how := withMeshKey(named4)
	how.Command = []string{reference(t, "derper")}
	how.MeshWith = []string{strings.TrimPrefix(r.URL(), "https://") + "/" + r.Host}
	sibling := start(t, how)
	awaitSibling(t, r, sibling)

	a, b := join(t, sibling, byMap, "a"), join(t, r, byMap, "b")
	sendUntilHeard(t, a, b, []byte("by way of derper"))
	for _, m := range settle(t, b) {
		if _, ok := m.(derp.ReceivedPacket); !ok {
			t.Errorf("got %#v", m)
		}
	}
	for _, n := range sizes {
		pass(t, a, b, random(n))
	}
	send(t, b, a.SelfPublicKey(), disco()) // the subject has no way back
	gone := next[derp.PeerGoneMessage](t, b)
	if want := (derp.PeerGoneMessage{Peer: a.SelfPublicKey(), Reason: derp.PeerGoneReasonNotHere}); gone != want {
		t.Errorf("got %+v, want %+v", gone, want)
	}
}

package clients

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"tailscale.com/net/stun"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// ask sends datagrams to the relay's STUN port and returns the first reply.
func ask(t *testing.T, to netip.AddrPort, datagrams ...[]byte) (reply []byte, self netip.AddrPort) {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, d := range datagrams {
		if _, err := c.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1500)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("no reply: %v", err)
	}
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return buf[:n], netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}

func TestSTUNTellsTheClientItsAddress(t *testing.T) {
	for _, how := range []subject.Options{pinned4, pinned6} {
		t.Run(how.Host, func(t *testing.T) {
			t.Parallel()
			r := start(t, how)
			tx := stun.NewTxID()
			reply, self := ask(t, r.STUNAddr(), stun.Request(tx))
			gotTx, got, err := stun.ParseResponse(reply)
			if err != nil || gotTx != tx || got != self {
				t.Errorf("reply is for %v, %v (%v); want %v, %v", gotTx, got, err, tx, self)
			}
			// Bound to an address, even the reference uses the short form.
			if want := map[bool]int{true: 32, false: 44}[self.Addr().Is4()]; len(reply) != want {
				t.Errorf("reply has %d bytes, want %d", len(reply), want)
			}
		})
	}
}

func TestSTUNIsSilentToEverythingElse(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	good := stun.Request(stun.NewTxID())
	changed := func(at int) []byte {
		b := append([]byte(nil), good...)
		b[at] ^= 1
		return b
	}
	tx := stun.NewTxID()
	// Nothing can be proved by waiting for silence; but the first reply must
	// belong to the only good request, sent last.
	reply, _ := ask(t, r.STUNAddr(),
		nil, []byte{0}, good[:19], good[:20], good[:39],
		changed(1), changed(4), changed(25), changed(39),
		append(append([]byte(nil), good...), 0),
		stun.Response(stun.NewTxID(), r.STUNAddr()),
		stun.Request(tx))
	if got, _, err := stun.ParseResponse(reply); err != nil || got != tx {
		t.Errorf("the reply is for %v (%v), want %v", got, err, tx)
	}
}

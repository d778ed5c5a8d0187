package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"tailscale.com/net/stun"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// stunVectors is the client's request and derper's replies: bound to an
// address of either family, and bound to the wildcard, where it answers an
// IPv4 client with its address in IPv6 form.
func stunVectors() ([]vector, error) {
	var vectors []vector
	for _, c := range []struct{ name, listen, ask string }{
		{"reply_ipv4", "127.0.0.1", "127.0.0.1"},
		{"reply_ipv6", "::1", "::1"},
		{"reply_mapped", "0.0.0.0", "127.0.0.1"},
	} {
		reply, request, err := exchange(c.listen, c.ask)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		reply.Name = c.name
		if len(vectors) == 0 {
			vectors = append(vectors, request)
		}
		vectors = append(vectors, reply)
	}
	return vectors, nil
}

func exchange(listen, ask string) (reply, request vector, err error) {
	r, stop, err := relay(subject.Options{Host: listen})
	if err != nil {
		return reply, request, err
	}
	defer stop()
	to := netip.AddrPortFrom(netip.MustParseAddr(ask), r.Ports.STUN)
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return reply, request, err
	}
	defer c.Close()
	tx := stun.NewTxID()
	ours := stun.Request(tx)
	if _, err := c.Write(ours); err != nil {
		return reply, request, err
	}
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return reply, request, err
	}
	buf := make([]byte, 1500)
	n, err := c.Read(buf)
	if err != nil {
		return reply, request, err
	}
	id := hexOf(tx[:])
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	addr := netip.AddrPortFrom(local.Addr().Unmap(), local.Port()).String()
	return vector{"", hexOf(buf[:n]), fromRelay, map[string]string{"transaction_id": id, "addr": addr}},
		vector{"request", hexOf(ours), source("net/stun"), map[string]string{"transaction_id": id}}, nil
}

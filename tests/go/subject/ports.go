package subject

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are the ports of one relay. Admin is wherry's own private listener;
// derper has none and serves the same on its main one.
type Ports struct{ DERP, STUN, Admin uint16 }

// FreePorts finds ports that are free on host. The reference cannot report a port it chose itself, so port 0 is no way; ports
// below the ephemeral range are not taken by somebody's outgoing connection.
func FreePorts(host string) (Ports, error) {
	for range 100 {
		first := uint16(20000 + rand.IntN(4000))
		p := Ports{DERP: first, STUN: first + 4000, Admin: first + 8000}
		if isFree(host, p.DERP) && isFree(host, p.STUN) && isFree(host, p.Admin) {
			return p, nil
		}
	}
	return Ports{}, fmt.Errorf("no free ports on %s", host)
}

// isFree reports whether a port can be had on host, by TCP and by UDP.
func isFree(host string, port uint16) bool {
	addr := net.JoinHostPort(host, strconv.Itoa(int(port)))
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", addr)
	if err != nil {
		return false
	}
	defer udp.Close()
	return true
}

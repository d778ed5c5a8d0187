//go:build ts_debug_websockets

package clients

import (
	"testing"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// Not parallel: the variable holds for the whole process.
func TestTheWebSocketClientPassesPackets(t *testing.T) {
	for _, how := range []subject.Options{plain4, named4} {
		t.Run(how.Name, func(t *testing.T) {
			r := start(t, how)
			t.Setenv("TS_DEBUG_DERP_WS_CLIENT", "true")
			a, b := join(t, r, byURL, "a"), join(t, r, byURL, "b")
			if got := metric(t, r, "derp_websocket_accepts"); got != 2 {
				t.Errorf("the relay counts %v WebSocket sessions, want 2", got)
			}
			for _, n := range sizes {
				// The reference ends a connection that sends it a message of
				// more than 32 KiB; the protocol allows twice that.
				if subject.IsReference() && n > 32<<10-37 {
					continue
				}
				pass(t, a, b, random(n))
				pass(t, b, a, random(n))
			}
		})
	}
}

package clients

import (
	"testing"

	"tailscale.com/derp"
	"tailscale.com/types/key"
)

func TestAPacketForAnUnknownPeerIsAnsweredOnlyIfItIsDisco(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a := join(t, r, byMap, "a")
	silent, told := key.NewNode().Public(), key.NewNode().Public()
	send(t, a, silent, random(100))
	send(t, a, told, disco())
	gone := next[derp.PeerGoneMessage](t, a)
	if want := (derp.PeerGoneMessage{Peer: told, Reason: derp.PeerGoneReasonNotHere}); gone != want {
		t.Errorf("got %+v, want %+v", gone, want)
	}
}

func TestWhoHeardAPeerIsToldWhenItLeaves(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	a, b, c := join(t, r, byMap, "a"), join(t, r, byMap, "b"), join(t, r, byMap, "c")
	pass(t, a, b, []byte("hello"))
	pass(t, a, b, []byte("hello again"))
	a.Close()
	gone := next[derp.PeerGoneMessage](t, b)
	if want := (derp.PeerGoneMessage{Peer: a.SelfPublicKey(), Reason: derp.PeerGoneReasonDisconnected}); gone != want {
		t.Errorf("got %+v, want %+v", gone, want)
	}
	for _, p := range []*peer{b, c} {
		if more := settle(t, p); len(more) > 0 {
			t.Errorf("%s got %#v", p.name, more)
		}
	}
}

func TestTheNewerConnectionOfAKeyGetsThePacketsUntilTheOlderSpeaks(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	k := key.NewNode()
	sender := join(t, r, byMap, "sender")
	older := joinAs(t, byMap(t, r, k), "older")
	newer := joinAs(t, byMap(t, r, k), "newer")

	pass(t, sender, newer, []byte("to the newer"))
	settle(t, older) // any frame counts as speaking
	pass(t, sender, older, []byte("to the older"))
	pass(t, newer, sender, []byte("from the newer"))
	pass(t, sender, newer, []byte("to the newer again"))
	newer.Close()
	// The relay learns of that in its own time: the survivor speaks up, and
	// has been the one to talk to since then at the latest.
	settle(t, older)
	pass(t, sender, older, []byte("to the survivor"))

	older.Close()
	gone := next[derp.PeerGoneMessage](t, sender)
	if want := (derp.PeerGoneMessage{Peer: k.Public(), Reason: derp.PeerGoneReasonDisconnected}); gone != want {
		t.Errorf("got %+v, want %+v", gone, want)
	}
}

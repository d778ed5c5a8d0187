package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"

	"tailscale.com/derp"
	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

var (
	fromRelay  = source("cmd/derper")
	fromClient = source("derp/derp_client.go")
)

// handshake is what both sides send until the client is in.
func handshake() ([]vector, error) {
	r, stop, err := relay(subject.Options{Host: "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	defer stop()
	keys := map[string]string{
		"server_private": serverKey, "server_public": publicOf(serverKey),
		"client_private": clientKey, "client_public": publicOf(clientKey),
	}
	plain, err := openBoxes(r, keys, "", `{"version":2,"CanAckPings":true}`, derp.CanAckPings(true))
	if err != nil {
		return nil, err
	}
	mesh, err := openBoxes(r, keys, "_of_a_mesh_peer", `{"meshKey":"`+meshKey+`","version":2,"CanAckPings":false}`,
		derp.MeshKey(parsedMeshKey()))
	if err != nil {
		return nil, err
	}
	prober, err := openBoxes(r, keys, "_of_a_prober", `{"version":2,"CanAckPings":false,"IsProber":true}`, derp.IsProber(true))
	if err != nil {
		return nil, err
	}
	meta, err := metaCertificate()
	if err != nil {
		return nil, err
	}
	// The relay's part is the same for all; the first has it all.
	return append(plain, mesh[2], prober[2], meta), nil
}

// openBoxes connects once and returns the response head and the frames
// ServerKey, ClientInfo and ServerInfo.
func openBoxes(r *subject.Relay, keys map[string]string, suffix, clientInfo string, opts ...derp.ClientOpt) ([]vector, error) {
	k := private(clientKey)
	s, err := open(r, k, opts...)
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	serverKeyFrame, err := s.received.next()
	if err != nil {
		return nil, err
	}
	_, serverInfo, err := heard[derp.ServerInfoMessage](s)
	if err != nil {
		return nil, err
	}
	info, err := s.sent.next()
	if err != nil {
		return nil, err
	}
	const start, box = derp.FrameHeaderLen, derp.FrameHeaderLen + derp.KeyLen
	if got, ok := private(serverKey).OpenFrom(k.Public(), info[box:]); !ok || string(got) != clientInfo {
		return nil, fmt.Errorf("client info is %q, want %q", got, clientInfo)
	}
	const wantInfo = `{"version":2}`
	if got, ok := k.OpenFrom(s.ServerPublicKey(), serverInfo[start:]); !ok || string(got) != wantInfo {
		return nil, fmt.Errorf("server info is %q, want %q", got, wantInfo)
	}
	return []vector{
		{"http_101_head", hexOf(s.head), fromRelay, map[string]string{"text": string(s.head), "server_public": publicOf(serverKey)}},
		{"server_key", hexOf(serverKeyFrame), fromRelay, map[string]string{"server_public": publicOf(serverKey)}},
		{"client_info" + suffix, hexOf(info), fromClient, with(keys, "json", clientInfo)},
		{"server_info", hexOf(serverInfo), fromRelay, with(keys, "json", wantInfo)},
	}, nil
}

// metaCertificate is the DER of the certificate that carries the relay's key.
func metaCertificate() (vector, error) {
	r, stop, err := relay(subject.Options{Host: "127.0.0.1", Name: "127.0.0.1"})
	if err != nil {
		return vector{}, err
	}
	defer stop()
	c, err := tls.Dial("tcp", r.HostPort(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return vector{}, err
	}
	defer c.Close()
	chain := c.ConnectionState().PeerCertificates
	meta := chain[len(chain)-1]
	return vector{"meta_certificate", hexOf(meta.Raw), fromRelay, map[string]string{
		"server_public": publicOf(serverKey),
		"common_name":   meta.Subject.CommonName,
		"serial":        meta.SerialNumber.String(),
	}}, nil
}

// toServer is every frame the client sends after the handshake. Only the bytes
// matter: the relay cuts the connection at some, being told nonsense.
func toServer() ([]vector, error) {
	var vectors []vector
	k := private(clientKey)
	peer := private(peerKey).Public()
	packet := []byte("hello, peer")
	ping := [8]byte{0, 1, 2, 3, 4, 5, 6, 7}
	r, stop, err := relay(subject.Options{Host: "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	defer stop()
	s, err := open(r, k, derp.MeshKey(parsedMeshKey()))
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	if _, err := s.sent.next(); err != nil { // ClientInfo
		return nil, err
	}
	dst, text := publicOf(peerKey), hexOf(packet)
	for _, step := range []struct {
		name   string
		send   func() error
		fields map[string]string
	}{
		{"send_packet", func() error { return s.Send(peer, packet) }, map[string]string{"dst": dst, "packet": text}},
		{"send_packet_empty", func() error { return s.Send(peer, nil) }, map[string]string{"dst": dst, "packet": ""}},
		{"forward_packet", func() error { return s.ForwardPacket(k.Public(), peer, packet) },
			map[string]string{"src": publicOf(clientKey), "dst": dst, "packet": text}},
		{"note_preferred_home", func() error { return s.NotePreferred(true) }, map[string]string{"home": "true"}},
		{"note_preferred_not_home", func() error { return s.NotePreferred(false) }, map[string]string{"home": "false"}},
		{"ping", func() error { return s.SendPing(ping) }, map[string]string{"data": hexOf(ping[:])}},
		{"pong", func() error { return s.SendPong(ping) }, map[string]string{"data": hexOf(ping[:])}},
		{"watch_conns", s.WatchConnectionChanges, nil},
		{"close_peer", func() error { return s.ClosePeer(peer) }, map[string]string{"peer": dst}},
	} {
		if err := step.send(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		frame, err := s.sent.next()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
		vectors = append(vectors, vector{step.name, hexOf(frame), fromClient, step.fields})
	}
	if _, err := s.sent.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("the client sent more than it was asked to: %w", err)
	}
	return vectors, nil
}

// toClient is every frame derper sends after the handshake.
func toClient() ([]vector, error) {
	r, stop, err := relay(subject.Options{Host: "127.0.0.1"})
	if err != nil {
		return nil, err
	}
	defer stop()
	client, err := open(r, private(clientKey))
	if err != nil {
		return nil, err
	}
	defer client.conn.Close()
	peer, err := open(r, private(peerKey), derp.IsProber(true))
	if err != nil {
		return nil, err
	}
	defer peer.conn.Close()
	if _, _, err := heard[derp.ServerInfoMessage](peer); err != nil { // it is in
		return nil, err
	}

	var vectors []vector
	packets, err := receivedPackets(client, peer)
	if err != nil {
		return nil, err
	}
	vectors = append(vectors, packets...)

	ping := [8]byte{0, 1, 2, 3, 4, 5, 6, 7}
	if err := client.SendPing(ping); err != nil {
		return nil, err
	}
	_, frame, err := heard[derp.PongMessage](client)
	if err != nil {
		return nil, err
	}
	vectors = append(vectors, vector{"pong", hexOf(frame), fromRelay, map[string]string{"data": hexOf(ping[:])}})

	present, err := presence(r)
	if err != nil {
		return nil, err
	}
	vectors = append(vectors, present...)

	gone, err := peersGone(client, peer)
	if err != nil {
		return nil, err
	}
	vectors = append(vectors, gone...)

	_, frame, err = heard[derp.KeepAliveMessage](client)
	if err != nil {
		return nil, err
	}
	return append(vectors, vector{"keep_alive", hexOf(frame), fromRelay, nil}), nil
}

func receivedPackets(client, peer *session) ([]vector, error) {
	var vectors []vector
	for _, p := range []struct{ name, packet string }{
		{"recv_packet", "hello, client"},
		{"recv_packet_empty", ""},
	} {
		if err := peer.Send(client.PublicKey(), []byte(p.packet)); err != nil {
			return nil, err
		}
		got, frame, err := heard[derp.ReceivedPacket](client)
		if err != nil || string(got.Data) != p.packet {
			return nil, fmt.Errorf("%s: got %q, %w", p.name, got.Data, err)
		}
		vectors = append(vectors, vector{p.name, hexOf(frame), fromRelay,
			map[string]string{"src": publicOf(peerKey), "packet": hexOf([]byte(p.packet))}})
	}
	return vectors, nil
}

// presence is what a watcher learns of itself, of the prober, and of an
// ordinary client, on IPv4; and of itself on IPv6.
func presence(r *subject.Relay) ([]vector, error) {
	vectors, err := watched(r, 3, "")
	if err != nil {
		return nil, err
	}
	six, stop, err := relay(subject.Options{Host: "::1"})
	if err != nil {
		return nil, err
	}
	defer stop()
	more, err := watched(six, 1, "_ipv6")
	return append(vectors, more...), err
}

func watched(r *subject.Relay, peers int, suffix string) ([]vector, error) {
	w, err := open(r, key.NewNode(), derp.MeshKey(parsedMeshKey()))
	if err != nil {
		return nil, err
	}
	defer w.conn.Close()
	if err := w.WatchConnectionChanges(); err != nil {
		return nil, err
	}
	names := map[derp.PeerPresentFlags]string{
		derp.PeerPresentIsRegular:  "peer_present_regular",
		derp.PeerPresentIsMeshPeer: "peer_present_mesh_peer",
		derp.PeerPresentIsProber:   "peer_present_prober",
	}
	var vectors []vector
	for range peers {
		m, frame, err := heard[derp.PeerPresentMessage](w)
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, vector{names[m.Flags] + suffix, hexOf(frame), fromRelay, map[string]string{
			"peer":  m.Key.UntypedHexString(),
			"addr":  m.IPPort.String(),
			"flags": strconv.Itoa(int(m.Flags)),
		}})
	}
	return vectors, nil
}

// peersGone is both reasons for PeerGone; peer leaves for good.
func peersGone(client, peer *session) ([]vector, error) {
	unknown := public(bytes.Repeat([]byte{0x77}, 32))
	disco := append([]byte("TS\xf0\x9f\x92\xac"), make([]byte, 56)...)
	if err := client.Send(unknown, disco); err != nil {
		return nil, err
	}
	notHere, frame1, err := heard[derp.PeerGoneMessage](client)
	if err != nil || notHere.Reason != derp.PeerGoneReasonNotHere {
		return nil, fmt.Errorf("got %+v, %w", notHere, err)
	}
	if err := peer.conn.Close(); err != nil {
		return nil, err
	}
	left, frame2, err := heard[derp.PeerGoneMessage](client)
	if err != nil || left.Reason != derp.PeerGoneReasonDisconnected {
		return nil, fmt.Errorf("got %+v, %w", left, err)
	}
	return []vector{
		{"peer_gone_not_here", hexOf(frame1), fromRelay, map[string]string{"peer": unknown.UntypedHexString(), "reason": "1"}},
		{"peer_gone_disconnected", hexOf(frame2), fromRelay, map[string]string{"peer": publicOf(peerKey), "reason": "0"}},
	}, nil
}

// with returns a copy of m with one more entry.
func with(m map[string]string, name, value string) map[string]string {
	c := map[string]string{name: value}
	for k, v := range m {
		c[k] = v
	}
	return c
}

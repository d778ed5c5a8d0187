package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"tailscale.com/derp"
	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// session is the reference client connected to the reference relay over plain
// HTTP, with every byte kept.
type session struct {
	*derp.Client
	conn *tap
	// head is the relay's HTTP response up to and with the blank line.
	head []byte
	// sent is the client's bytes after its HTTP request, received the relay's
	// after its response.
	sent, received *frames
}

// open connects with the given key and options.
func open(r *subject.Relay, k key.NodePrivate, opts ...derp.ClientOpt) (*session, error) {
	raw, err := net.Dial("tcp", r.HostPort())
	if err != nil {
		return nil, err
	}
	conn := &tap{Conn: raw}
	if _, err := io.WriteString(conn, "GET /derp HTTP/1.1\r\nHost: relay\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	conn.restart()
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, errors.Join(fmt.Errorf("upgrade: %v, %w", resp, err), conn.Close())
	}
	c, err := derp.NewClient(k, conn, bufio.NewReadWriter(br, bufio.NewWriter(conn)), log.Printf, opts...)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s := &session{Client: c, conn: conn}
	in := conn.in.bytes()
	end := bytes.Index(in, []byte("\r\n\r\n"))
	s.head = in[:end+4]
	s.received = &frames{source: &conn.in, at: end + 4}
	s.sent = &frames{source: &conn.out}
	return s, nil
}

// heard reads messages until the client has understood a T, and returns the
// frame that carried it. Frames before it are skipped.
func heard[T derp.ReceivedMessage](s *session) (T, []byte, error) {
	for {
		m, err := s.Recv()
		if err != nil {
			return *new(T), nil, err
		}
		if want, ok := m.(T); ok {
			for {
				frame, err := s.received.next()
				if err != nil {
					return want, nil, err
				}
				if frame[0] == typeOf(m) {
					return want, frame, nil
				}
			}
		}
	}
}

// typeOf is the frame type that carries a message.
func typeOf(m derp.ReceivedMessage) byte {
	switch m.(type) {
	case derp.ServerInfoMessage:
		return byte(derp.FrameServerInfo)
	case derp.ReceivedPacket:
		return byte(derp.FrameRecvPacket)
	case derp.PongMessage:
		return byte(derp.FramePong)
	case derp.PeerGoneMessage:
		return byte(derp.FramePeerGone)
	case derp.PeerPresentMessage:
		return byte(derp.FramePeerPresent)
	case derp.KeepAliveMessage:
		return byte(derp.FrameKeepAlive)
	}
	panic(fmt.Sprintf("no frame type for %T", m))
}

// frames splits a recorded byte stream.
type frames struct {
	source *stream
	at     int
}

// next returns the next frame, header included.
func (f *frames) next() ([]byte, error) {
	rest := f.source.bytes()[f.at:]
	if len(rest) < derp.FrameHeaderLen {
		return nil, io.ErrUnexpectedEOF
	}
	n := derp.FrameHeaderLen + int(binary.BigEndian.Uint32(rest[1:]))
	if len(rest) < n {
		return nil, io.ErrUnexpectedEOF
	}
	f.at += n
	return rest[:n], nil
}

// tap is a connection that remembers what went through it.
type tap struct {
	net.Conn
	in, out stream
}

func (t *tap) restart() { t.out.reset() }

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.in.add(b[:n])
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.out.add(b[:n])
	return n, err
}

// stream is a byte stream that grows.
type stream struct {
	mu sync.Mutex
	b  []byte
}

func (l *stream) add(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
}

func (l *stream) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = nil
}

func (l *stream) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b)
}

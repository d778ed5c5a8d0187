// Command record writes the golden vectors of crates/wire/tests/vectors: bytes
// as the reference relay and the reference client put them on the wire.
//
// Run it from tests/go with WHERRY_SUBJECT_CMD naming derper; it waits up to
// 65 seconds for a keep-alive:
//
//	WHERRY_SUBJECT_CMD=$PWD/bin/derper go run ./record ../../crates/wire/tests/vectors
//
// Keys are throw-away and fixed, so that every box can be opened; nonces,
// transaction ids and ports differ from run to run.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"go4.org/mem"
	"tailscale.com/types/key"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// The key pairs in every vector, as hex. The server's and the client's are
// those of wire's own computed vectors.
const (
	serverKey = "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60"
	clientKey = "40ab1b58e9076c7a4d9d07291f5edf9d1aa017eb949624ba683317f48a640369"
	peerKey   = "5052535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f70"
)

// meshKey is shared by the relay and the mesh client.
var meshKey = strings.Repeat("a5", 32)

// vector is one entry of a file. Hex is the bytes as on the wire; Fields is
// what they mean, as text, by names that the vector's kind implies.
type vector struct {
	Name   string            `json:"name"`
	Hex    string            `json:"hex"`
	Source string            `json:"source"`
	Fields map[string]string `json:"fields,omitempty"`
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: record FOLDER")
	}
	if err := record(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func record(folder string) error {
	if !subject.IsReference() {
		return errors.New(subject.CommandEnv + " must name derper")
	}
	for name, make := range map[string]func() ([]vector, error){
		"handshake.json": handshake,
		"to_server.json": toServer,
		"to_client.json": toClient,
		"stun.json":      stunVectors,
	} {
		vectors, err := make()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(vectors); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// relay starts derper with the fixed keys; stop ends it and removes its files.
func relay(o subject.Options) (r *subject.Relay, stop func(), err error) {
	dir, err := os.MkdirTemp("", "wherry-record-")
	if err != nil {
		return nil, nil, err
	}
	o.Key = private(serverKey)
	o.MeshKey = meshKey
	r, err = subject.Start(context.Background(), dir, o)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return r, func() {
		r.Stop()
		os.RemoveAll(dir)
	}, nil
}

func private(text string) key.NodePrivate {
	var k key.NodePrivate
	if err := k.UnmarshalText([]byte("privkey:" + text)); err != nil {
		panic(err) // one of the constants above
	}
	return k
}

// publicOf is the raw public half of a private key, as hex.
func publicOf(text string) string { return private(text).Public().UntypedHexString() }

func parsedMeshKey() key.DERPMesh {
	k, err := key.ParseDERPMesh(meshKey)
	if err != nil {
		panic(err)
	}
	return k
}

func public(b []byte) key.NodePublic { return key.NodePublicFromRaw32(mem.B(b)) }

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// source says who made the bytes: "derper" or one of Tailscale's packages.
func source(who string) string {
	version := "unknown version"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "tailscale.com" {
				version = m.Version
			}
		}
	}
	return "tailscale " + version + ": " + who
}

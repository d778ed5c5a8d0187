// Package clients drives a relay with Tailscale's own client packages: what
// passes here is what a stock client sees.
//
// The relay is named by the environment, see package subject. Without one the
// tests skip, or fail if CI=true or WHERRY_REQUIRE_ALL=1.
package clients

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// authority certifies "localhost"; SSL_CERT_FILE of this process and of every
// relay names its certificate.
var authority *subject.Authority

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "wherry-clients-")
	if err == nil {
		defer os.RemoveAll(dir)
		// Before anything loads the system's roots, which happens once.
		file := filepath.Join(dir, "ca.pem")
		authority, err = subject.NewAuthority(file)
		err = errors.Join(err,
			os.Setenv("SSL_CERT_FILE", file),
			os.Setenv("SSL_CERT_DIR", dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, err := subject.Command(); errors.Is(err, subject.ErrNoCommand) {
		fmt.Fprintln(os.Stderr, "SKIPPING everything that needs a relay:", err)
	}
	m.Run()
}

// start runs the subject for the length of the test.
func start(t *testing.T, o subject.Options) *subject.Relay {
	t.Helper()
	if o.CA == nil {
		o.CA = authority
	}
	r, err := subject.Start(context.Background(), t.TempDir(), o)
	if errors.Is(err, subject.ErrNoCommand) {
		skip(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Stop()
		if t.Failed() {
			t.Logf("the relay said:\n%s", r.Output())
		}
	})
	return r
}

// reference returns the path of one of the reference's programs.
func reference(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		skip(t, fmt.Errorf("%w; build it: go build -o bin/ tailscale.com/cmd/%s", err, name))
	}
	return path
}

// skip ends the test for want of something outside of it; a run that must be
// complete fails instead.
func skip(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("WHERRY_REQUIRE_ALL") == "1" {
		t.Fatalf("cannot be skipped here: %v", why)
	}
	t.Skipf("SKIPPED: %v", why)
}

// The usual ways to listen.
var (
	pinned4 = subject.Options{Host: "127.0.0.1", Name: "127.0.0.1"}
	pinned6 = subject.Options{Host: "::1", Name: "::1"}
	named4  = subject.Options{Host: "127.0.0.1", Name: "localhost"}
	plain4  = subject.Options{Host: "127.0.0.1"}
	plain6  = subject.Options{Host: "::1"}
)

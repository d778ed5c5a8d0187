// Package subject starts the relay under test as a process of its own and says
// how to reach it.
//
// What lives here: the command line of derper (which every subject must
// accept), throw-away keys and certificates, and the DERP map entry that
// follows from them. What must stay true: nothing here knows which relay it
// started, except [IsReference].
package subject

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tailscale.com/net/stun"
	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

// CommandEnv names the variable that holds the subject's command, split at
// white space, for example "bin/derper" or "target/debug/wherry derper".
const CommandEnv = "WHERRY_SUBJECT_CMD"

// SiblingEnv names the variable that holds the command of the second relay in
// mesh tests; unset means the same as [CommandEnv].
const SiblingEnv = "WHERRY_SIBLING_CMD"

// ErrNoCommand says that no subject was named.
var ErrNoCommand = errors.New(CommandEnv + " is not set: no relay to test")

// startLimit bounds the time from exec to the first answer. Generous, because
// the machine may be busy; a relay that exits is noticed at once.
const startLimit = 20 * time.Second

// Options says how a relay is to listen. The zero value is not useful: Host is
// always needed.
type Options struct {
	// Host is the IP address to listen on, TCP and UDP.
	Host string
	// Name is the TLS host name. An IP address makes the relay sign its own
	// certificate (see [Relay.Pin]); another name is certified by CA; empty
	// means plain HTTP.
	Name string
	// CA certifies Name; not used for an address or plain HTTP.
	CA *Authority
	// Key is the relay's private key; zero makes a new one.
	Key key.NodePrivate
	// MeshKey is 64 hex digits, or empty for no mesh.
	MeshKey string
	// MeshWith lists siblings as "host:port/dialhost".
	MeshWith []string
	// Flags are added to the usual ones.
	Flags []string
	// Ports are chosen by [FreePorts] if zero.
	Ports Ports
	// Command replaces the command from the environment.
	Command []string
}

// Relay is a running relay.
type Relay struct {
	Options
	// Private is the relay's own key, Public its other half.
	Private key.NodePrivate
	Public  key.NodePublic
	// Pin is the lower-case hex SHA-256 of a self-signed certificate, empty
	// where there is none.
	Pin string

	cmd    *exec.Cmd
	output lockedBuffer
	exited chan struct{}
}

// Command returns the subject's command from the environment, or
// [ErrNoCommand].
func Command() ([]string, error) { return commandFrom(CommandEnv) }

// SiblingCommand returns the command of the second relay of a mesh.
func SiblingCommand() ([]string, error) {
	if os.Getenv(SiblingEnv) == "" {
		return Command()
	}
	return commandFrom(SiblingEnv)
}

// IsReference reports whether the subject is derper itself. Only tests of
// intended differences may ask.
func IsReference() bool {
	cmd, err := Command()
	return err == nil && len(cmd) == 1 && filepath.Base(cmd[0]) == "derper"
}

// Start runs a relay with its files in dir, which must be empty, and returns
// once it answers on TCP and STUN.
func Start(ctx context.Context, dir string, o Options) (*Relay, error) {
	r := &Relay{Options: o, Private: o.Key, exited: make(chan struct{})}
	if r.Private.IsZero() {
		r.Private = key.NewNode()
	}
	r.Public = r.Private.Public()
	if r.Command == nil {
		cmd, err := Command()
		if err != nil {
			return nil, err
		}
		r.Command = cmd
	}
	if r.Ports == (Ports{}) {
		p, err := FreePorts(o.Host)
		if err != nil {
			return nil, err
		}
		r.Ports = p
	}
	args, err := r.arguments(dir)
	if err != nil {
		return nil, err
	}
	r.cmd = exec.Command(r.Command[0], append(r.Command[1:len(r.Command):len(r.Command)], args...)...)
	r.cmd.Env = r.environment(dir)
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	// A test binary that dies must not leave relays behind.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %q: %w", r.Command, err)
	}
	go func() {
		_ = r.cmd.Wait() // how it ended shows in its output
		close(r.exited)
	}()
	if err := r.awaitAnswers(ctx); err != nil {
		r.Stop()
		return nil, fmt.Errorf("%q %q: %w; it said:\n%s", r.Command, args, err, r.Output())
	}
	if net.ParseIP(o.Name) != nil {
		if r.Pin, err = pinOf(filepath.Join(dir, certName(o.Name)+".crt")); err != nil {
			r.Stop()
			return nil, err
		}
	}
	return r, nil
}

// Stop ends the relay as a service manager would and waits for it; one that
// does not go within five seconds is killed.
func (r *Relay) Stop() {
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // already gone is fine
	select {
	case <-r.exited:
	case <-time.After(5 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.exited
	}
}

// Output returns what the relay has printed so far.
func (r *Relay) Output() string { return r.output.String() }

// HostPort returns the address of the TCP listener.
func (r *Relay) HostPort() string { return r.at(r.Ports.DERP) }

// MetricsURL returns where to read metrics.
func (r *Relay) MetricsURL() string {
	if IsReference() {
		return r.URL() + "/debug/varz"
	}
	return "http://" + r.at(r.Ports.Admin) + "/metrics"
}

func (r *Relay) at(port uint16) string { return net.JoinHostPort(r.Host, strconv.Itoa(int(port))) }

// STUNAddr returns the address of the UDP listener.
func (r *Relay) STUNAddr() netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(r.Host), r.Ports.STUN)
}

// URL returns the relay's base address by its TLS name, without a path.
func (r *Relay) URL() string {
	if r.Name == "" {
		return "http://" + r.HostPort()
	}
	return "https://" + net.JoinHostPort(r.Name, strconv.Itoa(int(r.Ports.DERP)))
}

// Node returns the relay's entry for a DERP map; plain HTTP has none.
func (r *Relay) Node(name string, region int) *tailcfg.DERPNode {
	n := &tailcfg.DERPNode{
		Name:     name,
		RegionID: region,
		HostName: bracketed(r.Name),
		DERPPort: int(r.Ports.DERP),
		STUNPort: int(r.Ports.STUN),
		IPv4:     "none",
		IPv6:     "none",
	}
	if netip.MustParseAddr(r.Host).Is4() {
		n.IPv4 = r.Host
	} else {
		n.IPv6 = r.Host
	}
	if r.Pin != "" {
		n.CertName = "sha256-raw:" + r.Pin
	}
	return n
}

func (r *Relay) arguments(dir string) ([]string, error) {
	keyFile := filepath.Join(dir, "derper.key")
	text, err := r.Private.MarshalText()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(keyFile, fmt.Appendf(nil, "{\n\t\"PrivateKey\": %q\n}", text), 0o600); err != nil {
		return nil, err
	}
	args := []string{
		"-a", r.HostPort(),
		"-http-port", "-1",
		"-stun-port", strconv.Itoa(int(r.Ports.STUN)),
		"-c", keyFile,
	}
	if r.Name != "" {
		args = append(args, "-certmode", "manual", "-certdir", dir, "-hostname", r.Name)
		if net.ParseIP(r.Name) == nil {
			if err := r.CA.Certify(r.Name, filepath.Join(dir, certName(r.Name))); err != nil {
				return nil, err
			}
		}
	}
	if r.MeshKey != "" {
		file := filepath.Join(dir, "mesh.key")
		if err := os.WriteFile(file, []byte(r.MeshKey+"\n"), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-mesh-psk-file", file)
	}
	if len(r.MeshWith) > 0 {
		args = append(args, "-mesh-with", strings.Join(r.MeshWith, ","))
	}
	return append(args, r.Flags...), nil
}

// environment is the little a relay may see of ours: what concerns the tests
// alone, wherry would refuse as a setting that it does not know.
func (r *Relay) environment(dir string) []string {
	env := []string{"HOME=" + dir, "WHERRY_ADMIN=" + r.at(r.Ports.Admin)}
	for _, name := range []string{"PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// awaitAnswers returns once TCP connects and STUN replies. A relay has no
// other way to tell that it is ready, so both are asked every 20 ms.
func (r *Relay) awaitAnswers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	udp, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.STUNAddr()))
	if err != nil {
		return err
	}
	defer udp.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var tcpUp, stunUp bool
	for {
		if !tcpUp {
			if c, err := net.Dial("tcp", r.HostPort()); err == nil {
				tcpUp = true
				c.Close()
			}
		}
		stunUp = stunUp || stunAnswers(udp)
		if tcpUp && stunUp {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.exited:
			return errors.New("the relay exited at start")
		case <-ctx.Done():
			return fmt.Errorf("the relay is not ready: tcp %t, stun %t", tcpUp, stunUp)
		}
	}
}

func stunAnswers(udp *net.UDPConn) bool {
	if _, err := udp.Write(stun.Request(stun.NewTxID())); err != nil {
		return false
	}
	if err := udp.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		return false
	}
	var buf [128]byte
	n, err := udp.Read(buf[:])
	return err == nil && stun.Is(buf[:n])
}

func commandFrom(env string) ([]string, error) {
	if cmd := strings.Fields(os.Getenv(env)); len(cmd) > 0 {
		path, err := exec.LookPath(cmd[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", env, err)
		}
		if cmd[0], err = filepath.Abs(path); err != nil {
			return nil, err
		}
		return cmd, nil
	}
	return nil, ErrNoCommand
}

// certName is the file name that derper derives from a host name: everything
// but letters, digits, dots and dashes vanishes, so "::1" becomes "1".
func certName(host string) string {
	return strings.Map(func(c rune) rune {
		if c == '.' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return -1
	}, host)
}

func pinOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the self-signed certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("%s holds no PEM block", file)
	}
	sum := sha256.Sum256(block.Bytes)
	return hex.EncodeToString(sum[:]), nil
}

// lockedBuffer keeps a process' output readable while it still writes.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// bracketed is a name as a map must spell it: the stock client puts HostName
// into a URL as it is, so an IPv6 address without brackets never connects.
func bracketed(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil && ip.Is6() {
		return "[" + name + "]"
	}
	return name
}

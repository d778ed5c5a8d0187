package clients

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tailscale.com/prober"
	"tailscale.com/tailcfg"
)

// mapFile writes a map for a prober and returns its URL. The prober does not
// know that "none" disables an address family, and probes it.
func mapFile(t *testing.T, nodes ...*tailcfg.DERPNode) string {
	t.Helper()
	for _, n := range nodes {
		n.IPv6 = ""
	}
	text, err := json.Marshal(derpMap(region(1, nodes...)))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "derpmap.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + file
}

// probesOf are the probes of two nodes that form a region, derpmap included:
// TLS and STUN for each, a packet and a bulk transfer for each ordered pair.
var probesOf = []string{
	"derpmap-probe",
	"derp/t1/1a/tls", "derp/t1/1a/udp",
	"derp/t1/1b/tls", "derp/t1/1b/udp",
	"derp/t1/1a/1a/mesh", "derp/t1/1a/1b/mesh", "derp/t1/1b/1a/mesh", "derp/t1/1b/1b/mesh",
	"derp/t1/1a/1a/bw", "derp/t1/1a/1b/bw", "derp/t1/1b/1a/bw", "derp/t1/1b/1b/bw",
}

func TestTheProberPackageFindsAMeshedRegionHealthy(t *testing.T) {
	t.Parallel()
	one, two := startMesh(t)
	url := mapFile(t, one.Node("1a", 1), two.Node("1b", 1))

	p := prober.New().WithOnce(true)
	// Once means once; the interval only sets each probe's time-out.
	const limit = 30 * time.Second
	d, err := prober.DERP(p, url,
		prober.WithTLSProbing(limit),
		prober.WithSTUNProbing(limit),
		prober.WithMeshProbing(limit),
		prober.WithBandwidthProbing(limit, 1<<20, ""),
		prober.WithMeshKey(parsedMeshKey(t)))
	if err != nil {
		t.Fatal(err)
	}
	p.Run("derpmap-probe", limit, nil, d.ProbeMap)
	p.Wait()
	info := p.ProbeInfo()
	for _, name := range probesOf {
		if probe, ok := info[name]; !ok || probe.Status != prober.ProbeStatusSucceeded {
			t.Errorf("%s: ran %t, %v: %s", name, ok, probe.Status, probe.Error)
		}
	}
	if len(info) != len(probesOf) {
		t.Errorf("%d probes ran, want %d", len(info), len(probesOf))
	}
}

func TestTheTLSProbeFindsTheCertificateInOrder(t *testing.T) {
	t.Parallel()
	r := start(t, named4)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := prober.TLS(strings.TrimPrefix(r.URL(), "https://"), nil).Probe(ctx); err != nil {
		t.Error(err)
	}
}

func TestDerpprobeReportsOnlyGood(t *testing.T) {
	t.Parallel()
	binary, err := filepath.Abs("../bin/derpprobe")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		skip(t, errors.Join(err, errors.New("build it: go build -o bin/ tailscale.com/cmd/derpprobe")))
	}
	one, two := startMesh(t)
	url := mapFile(t, one.Node("1a", 1), two.Node("1b", 1))
	psk := filepath.Join(t.TempDir(), "mesh.key")
	if err := os.WriteFile(psk, []byte(meshKey), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-once", "-spread=false", "-derp-map", url, "-mesh-psk-file", psk,
		"-interval", "30s", "-tls-interval", "30s", "-stun-interval", "30s", "-mesh-interval", "30s", "-bw-interval", "30s")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("derpprobe: %v\n%s", err, output)
	}
	if good := strings.Count(string(output), "good: "); good != len(probesOf) {
		t.Errorf("%d good probes, want %d:\n%s", good, len(probesOf), output)
	}
}

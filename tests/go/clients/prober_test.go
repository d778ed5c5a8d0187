package clients

import (
	"context"
	"encoding/json"
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

// regions are what a prober is shown: one relay, and two that mesh.
var regions = []struct {
	name  string
	nodes func(t *testing.T) []*tailcfg.DERPNode
}{
	{"one relay", func(t *testing.T) []*tailcfg.DERPNode {
		return []*tailcfg.DERPNode{start(t, withMeshKey(named4)).Node("1a", 1)}
	}},
	{"two siblings", func(t *testing.T) []*tailcfg.DERPNode {
		one, two := startMesh(t)
		return []*tailcfg.DERPNode{one.Node("1a", 1), two.Node("1b", 1)}
	}},
}

// probesOf names the probes of a region: the map itself, TLS and STUN of each
// node, a packet and a bulk transfer for each ordered pair of nodes.
func probesOf(nodes []*tailcfg.DERPNode) []string {
	names := []string{"derpmap-probe"}
	for _, from := range nodes {
		names = append(names, "derp/t1/"+from.Name+"/tls", "derp/t1/"+from.Name+"/udp")
		for _, to := range nodes {
			path := "derp/t1/" + from.Name + "/" + to.Name
			names = append(names, path+"/mesh", path+"/bw")
		}
	}
	return names
}

func TestTheProberPackageFindsARegionHealthy(t *testing.T) {
	for _, reg := range regions {
		t.Run(reg.name, func(t *testing.T) {
			t.Parallel()
			nodes := reg.nodes(t)
			p := prober.New().WithOnce(true)
			// Once means once; the interval only sets each probe's time-out.
			const limit = 30 * time.Second
			d, err := prober.DERP(p, mapFile(t, nodes...),
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
			info, want := p.ProbeInfo(), probesOf(nodes)
			for _, name := range want {
				if probe, ok := info[name]; !ok || probe.Status != prober.ProbeStatusSucceeded {
					t.Errorf("%s: ran %t, %v: %s", name, ok, probe.Status, probe.Error)
				}
			}
			if len(info) != len(want) {
				t.Errorf("%d probes ran, want %d", len(info), len(want))
			}
		})
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
	binary := reference(t, "derpprobe")
	for _, reg := range regions {
		t.Run(reg.name, func(t *testing.T) {
			t.Parallel()
			nodes := reg.nodes(t)
			psk := filepath.Join(t.TempDir(), "mesh.key")
			if err := os.WriteFile(psk, []byte(meshKey), 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "-once", "-spread=false",
				"-derp-map", mapFile(t, nodes...), "-mesh-psk-file", psk,
				"-interval", "30s", "-tls-interval", "30s", "-stun-interval", "30s",
				"-mesh-interval", "30s", "-bw-interval", "30s")
			output, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("derpprobe: %v\n%s", err, output)
			}
			want := len(probesOf(nodes))
			if good := strings.Count(string(output), "good: "); good != want {
				t.Errorf("%d good probes, want %d:\n%s", good, want, output)
			}
		})
	}
}

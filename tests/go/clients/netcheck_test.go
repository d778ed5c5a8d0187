package clients

import (
	"context"
	"testing"

	"tailscale.com/net/netcheck"
	"tailscale.com/net/netmon"
	"tailscale.com/tailcfg"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// checker is a netcheck client with sockets of its own.
func checker(t *testing.T) *netcheck.Client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	c := &netcheck.Client{NetMon: netmon.NewStatic(), Logf: t.Logf, SkipExternalNetwork: true}
	if err := c.Standalone(ctx, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return c
}

// stunReport measures by STUN alone: a first report without an answer by UDP
// would otherwise ask hosts on the internet whether there is a captive portal.
func stunReport(t *testing.T, c *netcheck.Client, m *tailcfg.DERPMap) *netcheck.Report {
	t.Helper()
	rep, err := c.GetReport(context.Background(), m, &netcheck.GetReportOpts{OnlySTUN: true})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestNetcheckMeasuresTheRelayAndMakesItHome(t *testing.T) {
	t.Parallel()
	r := start(t, pinned4)
	rep := stunReport(t, checker(t), derpMap(region(7, r.Node("7a", 7))))
	if !rep.UDP || !rep.IPv4 || rep.PreferredDERP != 7 {
		t.Errorf("UDP %v, IPv4 %v, preferred %d; want true, true, 7", rep.UDP, rep.IPv4, rep.PreferredDERP)
	}
	if rep.RegionV4Latency[7] <= 0 {
		t.Errorf("latencies are %v", rep.RegionV4Latency)
	}
	if rep.GlobalV4.Addr().String() != "127.0.0.1" {
		t.Errorf("global address is %v", rep.GlobalV4)
	}
}

func TestNetcheckWithTwoRelaysSeesOneMapping(t *testing.T) {
	t.Parallel()
	one, two := start(t, pinned4), start(t, pinned4)
	rep := stunReport(t, checker(t), derpMap(region(1, one.Node("1a", 1)), region(2, two.Node("2a", 2))))
	if v, ok := rep.MappingVariesByDestIP.Get(); !ok || v {
		t.Errorf("mapping varies: %v, want false", rep.MappingVariesByDestIP)
	}
	if len(rep.RegionLatency) != 2 {
		t.Errorf("latencies are %v, want two", rep.RegionLatency)
	}
}

func TestNetcheckFallsBackToHTTPSWhenUDPIsDead(t *testing.T) {
	for _, how := range []subject.Options{pinned4, named4} {
		t.Run(how.Name, func(t *testing.T) {
			t.Parallel()
			r := start(t, how)
			c := checker(t)
			stunReport(t, c, derpMap(region(7, r.Node("7a", 7))))

			closed, err := subject.FreePorts(r.Host)
			if err != nil {
				t.Fatal(err)
			}
			dead := r.Node("7a", 7)
			dead.STUNPort = int(closed.STUN)
			rep, err := c.GetReport(context.Background(), derpMap(region(7, dead)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if rep.UDP {
				t.Error("UDP works, though nobody listens")
			}
			if rep.RegionLatency[7] <= 0 || rep.PreferredDERP != 7 {
				t.Errorf("latencies are %v, preferred %d", rep.RegionLatency, rep.PreferredDERP)
			}
		})
	}
}

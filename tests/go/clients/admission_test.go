package clients

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"tailscale.com/tailcfg"
	"tailscale.com/types/key"
)

func TestOnlyClientsThatTheAdmissionURLAllowsGetIn(t *testing.T) {
	t.Parallel()
	needs(t, admissionURL)
	friend, stranger := key.NewNode(), key.NewNode()
	asked := make(chan tailcfg.DERPAdmitClientRequest, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var q tailcfg.DERPAdmitClientRequest
		if err := json.NewDecoder(req.Body).Decode(&q); err != nil || req.Method != http.MethodPost {
			t.Errorf("%s: %v", req.Method, err)
		}
		asked <- q
		json.NewEncoder(w).Encode(tailcfg.DERPAdmitClientResponse{Allow: q.NodePublic == friend.Public()})
	}))
	defer hook.Close()
	how := pinned4
	how.Flags = []string{"-verify-client-url", hook.URL}
	r := start(t, how)

	p := joinAs(t, byMap(t, r, friend), "friend")
	pass(t, p, p, []byte("let in"))
	if heard := untilCut(t, byMap(t, r, stranger)); len(heard) > 0 {
		t.Errorf("the stranger heard %#v", heard)
	}
	for _, want := range []key.NodePublic{friend.Public(), stranger.Public()} {
		if q := <-asked; q.NodePublic != want || q.Source.String() != "127.0.0.1" {
			t.Errorf("the relay asked for %v from %v, want %v from 127.0.0.1", q.NodePublic, q.Source, want)
		}
	}
}

package clients

import (
	"context"
	"errors"
	"testing"

	"github.com/wherry-relay/wherry/tests/go/subject"
)

// gap is a flag of derper's that wherry cannot honour yet. The tests that need
// it do not run against wherry, not even where nothing may be skipped: this
// list is the only place that says so, and the test below keeps it true.
type gap struct{ flag, value string }

var (
	meshClient   = gap{"-mesh-with", "localhost:1/127.0.0.1"}
	admissionURL = gap{"-verify-client-url", "http://127.0.0.1:1"}
)

// needs skips the test if the subject has the gap.
func needs(t *testing.T, g gap) {
	t.Helper()
	if _, err := subject.Command(); err == nil && !subject.IsReference() {
		t.Skipf("SKIPPED: wherry does not have %s yet", g.flag)
	}
}

func TestTheGapsAreStillThere(t *testing.T) {
	for _, g := range []gap{meshClient, admissionURL} {
		t.Run(g.flag, func(t *testing.T) {
			t.Parallel()
			how := withMeshKey(named4)
			how.CA = authority
			how.Flags = []string{g.flag, g.value}
			r, err := subject.Start(context.Background(), t.TempDir(), how)
			switch {
			case errors.Is(err, subject.ErrNoCommand):
				skip(t, err)
			case err == nil:
				r.Stop()
				if !subject.IsReference() {
					t.Errorf("wherry has %s now: take it off the list", g.flag)
				}
			case subject.IsReference():
				t.Error(err)
			}
		})
	}
}

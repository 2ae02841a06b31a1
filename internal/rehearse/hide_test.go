package rehearse_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/ship"
)

// TestScriptsSeeNoKeys lets a script look for the keys to the local AWS in the data directory of its node: where the
// sandbox works there is nothing but the node's own folder.
func TestScriptsSeeNoKeys(t *testing.T) {
	t.Parallel()
	s := start(t, scriptStage, map[string]string{
		"release.sh": `data=${HOME%/nodes/*}
if ls "$data" | grep -v '^nodes$'; then echo "LEAK"; fi
if [ "$(ls "$data/nodes" | wc -l)" != 1 ]; then echo "SEES OTHER NODES"; fi
`,
		"validate.sh": "echo healthy\n",
	})
	if limits := s.aws.Limits(); strings.Contains(limits, "directly on this machine") {
		t.Skipf("no namespaces here: %s", limits)
	}
	result, err := ship.Deploy(t.Context(), s.config(t, "run-1", nil))
	if err != nil {
		t.Fatal(err)
	}
	if result.Verdict != ship.Succeeded {
		t.Fatalf("verdict %s: %+v", result.Verdict, result)
	}
	for _, n := range result.Steps[0].Nodes {
		if out := n.Steps[0].Stdout; out != "" {
			t.Errorf("%s sees what it must not: %s", n.InstanceID, out)
		}
	}
}

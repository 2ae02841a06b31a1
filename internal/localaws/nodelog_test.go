package localaws_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// TestNodesDoNotRepeatThemselves: a node that cannot report says so once, and again when something else came between.
func TestNodesDoNotRepeatThemselves(t *testing.T) {
	t.Parallel()
	var got []string
	log := localaws.NodeLog(func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }, "i-1")
	for _, text := range []string{"no profile", "no profile", "no profile", "online", "no profile"} {
		log("report: %s", text)
	}
	want := []string{"node i-1: report: no profile", "node i-1: report: online", "node i-1: report: no profile"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package localaws_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// TestKeptNodes: what a release says about its nodes is known at the next start on the same directory, and only there: a
// snapshot does not open directories of the machine on which it is restored.
func TestKeptNodes(t *testing.T) {
	t.Parallel()
	dir, file, other := t.TempDir(), filepath.Join(t.TempDir(), "s.tar.gz"), filepath.Join(t.TempDir(), "other")
	want := localaws.NodePolicy{Path: "/bin", Caches: map[string]string{"GOCACHE": "/cache"}, Allow: []string{"git"}, Stubs: []string{"docker"}}
	first, err := localaws.Open(t.Context(), localaws.Config{Dir: dir, Nodes: want})
	check(t, err)
	if _, known, err := first.KeptNodes(localaws.NodePolicy{}); known || err != nil {
		t.Errorf("before: known %t, %v", known, err)
	}
	check(t, first.KeepNodes())
	check(t, first.Close(context.WithoutCancel(t.Context())))
	check(t, localaws.Snapshot(t.Context(), dir, file, true))
	check(t, localaws.Restore(t.Context(), other, file))

	got, known, err := open(t, dir).KeptNodes(localaws.NodePolicy{Path: "/bin"})
	if diff := cmp.Diff(want, got); !known || err != nil || diff != "" {
		t.Errorf("known %t, %v (-want +got):\n%s", known, err, diff)
	}
	if got, known, err := open(t, other).KeptNodes(localaws.NodePolicy{}); known || err != nil || got.Caches != nil {
		t.Errorf("restored: %+v, known %t, %v", got, known, err)
	}
}

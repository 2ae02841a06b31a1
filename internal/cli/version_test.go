package cli

import (
	"runtime/debug"
	"testing"
)

// TestBuildIsExact: a pipeline is pinned to a version or commit only where nothing else was built.
func TestBuildIsExact(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ module, revision, modified, wantVersion, wantRevision string }{
		"released":      {"v1.2.3", "abc", "false", "v1.2.3", "abc"},
		"modified":      {"v1.2.4-0.20260101000000-abc+dirty", "abc", "true", "", ""},
		"a checkout":    {"(devel)", "abc", "false", "", "abc"},
		"nobody says":   {"(devel)", "abc", "", "", ""},
		"by go install": {"v1.2.3", "", "", "v1.2.3", ""},
	}
	for name, test := range tests {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.module}}
		for key, value := range map[string]string{"vcs.revision": test.revision, "vcs.modified": test.modified} {
			if value != "" {
				info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
			}
		}
		if version, revision := buildOf(info).exact(); version != test.wantVersion || revision != test.wantRevision {
			t.Errorf("%s: got %q, %q", name, version, revision)
		}
	}
}

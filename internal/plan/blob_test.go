package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

// TestLargeScriptsTravelThroughTheBucket: one that is too large by itself, or the largest of those that are too large
// together; with the permissions that both ends need for it.
func TestLargeScriptsTravelThroughTheBucket(t *testing.T) {
	t.Parallel()
	text := func(size int) string { return strings.Repeat("# text\n", size/7) }
	for name, c := range map[string]struct {
		script, validate int
		want             []string // the document's steps
	}{
		"small":              {1000, 1000, []string{"release", "validate"}},
		"one is too large":   {60_000, 1000, []string{"fetch-release", "release", "validate"}},
		"both are too large": {60_000, 100_000, []string{"fetch-release", "release", "fetch-validate", "validate"}},
		"too large together": {30_000, 40_000, []string{"release", "fetch-validate", "validate"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := webRelease()
			r.Record = &release.Record{Bucket: "web-record", AccountID: "111111111111", Region: "eu-west-1"}
			command := r.Stages[0].Steps[0].Command
			command.Script.Content, command.Validate.Content = text(c.script), text(c.validate)
			p := mustNew(t, r)
			step := p.Stages[0].Steps[0]
			if diff := cmp.Diff(c.want, step.ScriptSteps); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(step.Sources) != len(step.ScriptSteps) {
				t.Errorf("%d sources of %d steps", len(step.Sources), len(step.ScriptSteps))
			}
			fetched := len(c.want) > 2
			for _, want := range []struct {
				role RoleKind
				id   string
			}{{KindDeploy, "s3:PutObject"}, {KindNode, "s3:GetObject"}} {
				found := slices.ContainsFunc(p.Stages[0].Calls, func(c Call) bool {
					return c.Role == want.role && c.Action == want.id && c.Resources[0].ARN == "arn:aws:s3:::web-record/web/scripts/*"
				})
				if found != fetched {
					t.Errorf("%s of %s on the scripts: %t, want %t", want.id, want.role, found, fetched)
				}
			}
			for _, b := range step.Blobs {
				if !strings.Contains(step.Own.Content, b.Key) || strings.Contains(step.Own.Content, b.Content) {
					t.Errorf("the document holds %s, or does not fetch it", b.Key)
				}
			}
		})
	}
}

// TestWithoutARecordLargeScriptsAreRefused: with what would help.
func TestWithoutARecordLargeScriptsAreRefused(t *testing.T) {
	t.Parallel()
	r := webRelease()
	r.Stages[0].Steps[0].Command.Script.Content = strings.Repeat("# text\n", 10_000)
	if _, err := New(r); err == nil || !strings.Contains(err.Error(), "add a record") {
		t.Errorf("got %v, want a refusal", err)
	}
}

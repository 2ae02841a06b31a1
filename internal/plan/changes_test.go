package plan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/release"
)

func TestChanges(t *testing.T) {
	t.Parallel()
	reviewed, err := New(webRelease())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*release.Release)
		want   []string
	}{
		"nothing":     {func(*release.Release) {}, nil},
		"a script":    {func(r *release.Release) { r.Stages[0].Steps[0].Command.Script.Content = "rm -rf /\n" }, []string{"stages.dev.steps.release.own.hash: "}},
		"a version":   {func(r *release.Release) { r.Stages[0].Steps[0].Command.Parameters[0].Value = "v2" }, []string{`stages.dev.steps.release.parameters.Version.0: "v1" was reviewed, and now it is "v2"`}},
		"a target":    {func(r *release.Release) { r.Stages[1].Targets.Min = 7 }, []string{"stages.prod.targets.min: 3 was reviewed, and now it is 7"}},
		"a new stage": {func(r *release.Release) { s := r.Stages[0]; s.Name = "qa"; r.Stages = append(r.Stages, s) }, []string{"stages.qa: is new"}},
		"one less":    {func(r *release.Release) { r.Stages = r.Stages[:1] }, []string{"stages.prod: was reviewed, and is gone"}},
		"the order":   {func(r *release.Release) { r.Stages[0], r.Stages[1] = r.Stages[1], r.Stages[0] }, []string{"stages.(order): "}},
		"a role":      {func(r *release.Release) { r.Stages[0].Split = true }, []string{"stages.dev.roles.", "stages.dev.calls."}},
	} {
		r := webRelease()
		tt.change(r)
		p, err := New(r)
		if err != nil {
			t.Fatal(err)
		}
		// As a file has it.
		text, err := json.Marshal(reviewed)
		if err != nil {
			t.Fatal(err)
		}
		var read Plan
		if err := json.Unmarshal(text, &read); err != nil {
			t.Fatal(err)
		}
		got, err := p.Changes(&read)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(got, "\n")
		if len(tt.want) == 0 && len(got) != 0 {
			t.Errorf("%s: changes %s", name, all)
		}
		for _, want := range tt.want {
			if !strings.Contains(all, want) {
				t.Errorf("%s: nothing about %q in\n%s", name, want, all)
			}
		}
	}
}

// TestChangesSeesLongTexts: two texts that only differ in their end are not the same.
func TestChangesSeesLongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	was := &Plan{Stages: []Stage{{Name: "dev", Steps: []Step{{Name: "release", Own: &Document{Content: long + "1"}}}}}}
	is := &Plan{Stages: []Stage{{Name: "dev", Steps: []Step{{Name: "release", Own: &Document{Content: long + "2"}}}}}}
	got, err := is.Changes(was)
	if err != nil || len(got) != 1 || got[0] != "stages.dev.steps.release.own.content: another text" {
		t.Errorf("got %v, %v", got, err)
	}
}

package render_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sets are the roles of the repository's examples, by app, one set with everything that a role can have, and one whose nodes carry
// a role that is there already.
func sets(t *testing.T) map[string]*roles.Set {
	t.Helper()
	files, err := filepath.Glob("../../../examples/*/slipway.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	out := map[string]*roles.Set{"full": full(), "extended": parsed(t, extendedText)}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := release.Parse(file, source, release.Options{Files: os.DirFS(filepath.Dir(file))})
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.New(r)
		if err != nil {
			t.Fatal(err)
		}
		set, err := roles.Render(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(file))] = set
	}
	return out
}

const fullAccount = "012345678901"

// full has a role and a user with all that they can have, names that collide, and texts that need quotes.
func full() *roles.Set {
	allow := func(sid, action, resource string, c ...iam.Condition) *iam.Document {
		return &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Sid: sid, Effect: iam.Allow,
			Actions: []string{action}, Resources: []string{resource}, Conditions: c}}}
	}
	tags := iam.Condition{Operator: "StringEquals", Key: "aws:ResourceTag/Team: A", Values: []string{"${aws:PrincipalTag/team}", "%{x} \"y\" \\ 'z'", "no", "0123"}}
	trust := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Sid: "In", Effect: iam.Allow, Actions: []string{"sts:AssumeRoleWithWebIdentity"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{"arn:aws:iam::" + fullAccount + ":oidc-provider/gitlab.com"}}},
		Conditions: []iam.Condition{{Operator: "StringEquals", Key: "gitlab.com:aud", Values: []string{"https://gitlab.com"}}}}}}
	ec2 := &iam.Document{Version: iam.Version2012, Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{"ec2.amazonaws.com"}}}}}}
	own := "arn:aws:iam::" + fullAccount + ":policy/managed/a-Cross"
	core, _ := managed.Lookup(managed.Prefix + "AmazonSSMManagedInstanceCore")
	bucket := allow("B", "s3:GetObject", "arn:aws:s3:::a-b/*")
	bucket.Statements[0].Principals = []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{"arn:aws:iam::" + fullAccount + ":role/slipway/x/a-b"}}}
	return &roles.Set{
		Roles: []roles.Role{
			{
				Account: fullAccount, Name: "a-b", Path: "/slipway/x/", Trust: trust, Boundary: allow("Most", "s3:*", "*"),
				Purpose:    "It's: the first # role",
				TrustNotes: []roles.Note{{Sid: "In", Reason: "Who: it's them.\n# and \u2028 a new line\x00", When: []plan.When{plan.Always}}},
				Policies: []roles.Policy{{Name: "one", Document: allow("One", "s3:GetObject", "arn:aws:s3:::b/${aws:username}/*", tags),
					Notes: []roles.Note{{Sid: "One", Reason: "Because.", Star: "it may be any"}}}},
				Attached: []roles.Attached{
					{ARN: core.ARN(), Document: core.Document()},
					{ARN: own, Document: allow("Cross", "sts:AssumeRole", "*")},
				},
			},
			{Account: fullAccount, Name: "aB", Path: "/", Trust: ec2, InstanceProfile: true},
		},
		Users: []roles.User{{
			Account: fullAccount, Name: "ci", Path: "/slipway/", Purpose: "Keys, for those who still need them.", Boundary: allow("Most", "sts:*", "*"),
			Policies: []roles.Policy{{Name: "in", Document: allow("In", "sts:GetCallerIdentity", "*")}},
			Attached: []roles.Attached{{ARN: own, Document: allow("Cross", "sts:AssumeRole", "*")}},
		}},
		Buckets: []roles.Bucket{{Account: "111111111111", Name: "a-b", Policy: bucket}},
	}
}

// formats are the renderings, by the name of their golden file.
var formats = map[string]func(*roles.Set, render.Options) (map[string][]byte, error){
	"cloudformation": render.CloudFormation,
	"terraform":      render.Terraform,
}

// Output is stable to the byte.
func TestGolden(t *testing.T) {
	t.Parallel()
	for format, write := range formats {
		golden(t, "full."+format, rendered(t, write, "full", full()))
	}
	for name, set := range sets(t) {
		for format, write := range formats {
			if diff := cmp.Diff(rendered(t, write, name, set), rendered(t, write, name, sets(t)[name])); diff != "" {
				t.Errorf("%s of %s differs when it is rendered again:\n%s", format, name, diff)
			}
		}
	}
}

func rendered(t *testing.T, write func(*roles.Set, render.Options) (map[string][]byte, error), name string, set *roles.Set) string {
	t.Helper()
	files, err := write(set, render.Options{App: name, Providers: name == "full"})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, f := range slices.Sorted(maps.Keys(files)) {
		got += "-- " + f + " --\n" + string(files[f])
	}
	return got
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got, rewrite with -update):\n%s", name, diff)
	}
}

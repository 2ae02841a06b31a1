package roles

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/plan"
)

const (
	anyPolicy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}]}`
	anyTrust  = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
)

func files(content map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range content {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// What Write writes, Read reads: the same but for the notes, which are not in the files.
func TestWriteThenRead(t *testing.T) {
	t.Parallel()
	for name, sh := range shapes {
		want := mustRender(t, sh)
		want.Roles[0].Boundary = &iam.Document{
			Name: boundaryFile(account, want.Roles[0].Name), Version: iam.Version2012,
			Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"ssm:*"}, Resources: []string{"*"}}},
		}
		attach(want)
		fsys := fstest.MapFS{}
		for file, data := range Write(want) {
			fsys[file] = &fstest.MapFile{Data: data}
		}
		got, err := Read(fsys)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ignore := cmp.Options{
			cmpopts.IgnoreFields(Role{}, "Purpose", "TrustNotes"), cmpopts.IgnoreFields(Policy{}, "Notes"),
			cmpopts.IgnoreFields(User{}, "Purpose"), cmpopts.IgnoreTypes(iam.Position{}, Place{}), cmpopts.SortSlices(func(a, b Role) bool { return a.Name < b.Name }),
		}
		if diff := cmp.Diff(want, got, ignore); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}

// attach gives the first role managed policies of all kinds, and the set a user.
func attach(set *Set) {
	text := func(file string) *iam.Document {
		return &iam.Document{Name: file, Version: iam.Version2012,
			Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"sts:AssumeRole"}, Resources: []string{"*"}}}}
	}
	core, _ := managed.Lookup(managed.Prefix + "AmazonSSMManagedInstanceCore")
	name := set.Roles[0].Name
	set.Roles[0].Attached = []Attached{
		{ARN: "arn:aws:iam::" + account + ":policy/elsewhere/Deploy-a", Document: text(managedFile(account, name, "Deploy-a"))},
		{ARN: "arn:aws:iam::" + account + ":policy/elsewhere/unknown"},
		{ARN: "arn:aws:iam::" + account + ":policy/slipway/Deploy-b", Document: text(managedFile(account, name, "Deploy-b"))},
		{ARN: core.ARN(), Document: core.Document()},
	}
	set.Users = []User{{Account: account, Name: "ci", Path: plan.RolePath,
		Policies: []Policy{{Name: "in", Document: text(policyFile(account, "user-ci", "in"))}},
		Attached: []Attached{{ARN: policyARN(account, "Cross"), Document: text(managedFile(account, "user-ci", "Cross"))}},
		Boundary: text(boundaryFile(account, "user-ci")),
	}}
}

// A folder that begins like a user's and has a trust policy is a role; what attached.json says is taken or refused.
func TestReadUsersAndAttached(t *testing.T) {
	t.Parallel()
	set, err := Read(files(map[string]string{
		"111111111111/user-a/trust.json":    anyTrust,
		"111111111111/user-b/attached.json": `["arn:aws:iam::aws:policy/AdministratorAccess"]`,
	}))
	if err != nil || len(set.Roles) != 1 || set.Roles[0].Name != "user-a" || len(set.Users) != 1 || set.Users[0].Name != "b" {
		t.Errorf("read %+v, %v", set, err)
	}
	for text, want := range map[string]string{
		`{"a": 1}`: "not a list of ARNs",
		`["arn:aws:iam::111111111111:role/slipway/x"]`:               "is not the ARN of a managed policy",
		`["arn:aws:iam::aws:policy/X", "arn:aws:iam::aws:policy/X"]`: "is attached twice",
	} {
		if _, err := Read(files(map[string]string{"111111111111/R/attached.json": text})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("attached.json %s: %v, want %q", text, err, want)
		}
	}
}

func TestReadGivenRoles(t *testing.T) {
	t.Parallel()
	set, err := Read(files(map[string]string{
		"README.md": "why these are as they are",
		"222222222222/shop-Custom/policy-a-x.json":   anyPolicy,
		"222222222222/shop-Custom/policy-a.json":     anyPolicy,
		"222222222222/shop-Custom/boundary.json":     anyPolicy,
		"111111111111/web-dev-Node/trust.json":       anyTrust,
		"111111111111/web-dev-Node/.gitkeep":         "",
		"111111111111/web-dev-Deploy/policy-ci.json": anyPolicy,
	}))
	if err != nil {
		t.Fatal(err)
	}
	type summary struct {
		Account, Name, Path string
		Kind                plan.RoleKind
		Trust, Boundary     bool
		Policies            string
		InstanceProfile     bool
	}
	var got []summary
	for _, r := range set.Roles {
		var names []string
		for _, p := range r.Policies {
			names = append(names, p.Name)
		}
		got = append(got, summary{r.Account, r.Name, r.Path, r.Kind, r.Trust != nil, r.Boundary != nil, strings.Join(names, " "), r.InstanceProfile})
	}
	want := []summary{
		{"111111111111", "web-dev-Deploy", "/slipway/", plan.KindDeploy, false, false, "ci", false},
		{"111111111111", "web-dev-Node", "/slipway/", plan.KindNode, true, false, "", true},
		{"222222222222", "shop-Custom", "/slipway/", "", false, true, "a a-x", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const dir = "111111111111/web-dev-Deploy/"
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"a misspelt trust":      {map[string]string{dir + "Trust.json": anyTrust}, dir + "Trust.json: expected"},
		"a policy without name": {map[string]string{dir + "policy-.json": anyPolicy}, "expected"},
		"another ending":        {map[string]string{dir + "policy-a.yaml": anyPolicy}, "expected"},
		"a policy outside":      {map[string]string{"111111111111/policy-a.json": anyPolicy}, "not a folder named by a role"},
		"a file at the top":     {map[string]string{"policy-a.json": anyPolicy}, "not a folder named by a 12-digit account"},
		"a short account":       {map[string]string{"11111111111/R/trust.json": anyTrust}, "12-digit"},
		"a folder in a role":    {map[string]string{dir + "more/trust.json": anyTrust}, "expected"},
		"a folder as trust":     {map[string]string{dir + "trust.json/x": anyTrust}, "not a file"},
		"an empty role":         {map[string]string{dir + ".gitkeep": ""}, "without any file"},
		"a large file":          {map[string]string{dir + "trust.json": strings.Repeat(" ", maxPolicyFile+1)}, "larger than"},
		"an empty file":         {map[string]string{dir + "trust.json": ""}, dir + "trust.json"},
	}
	for name, tt := range tests {
		set, err := Read(files(tt.files))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, tt.want)
		}
		if set != nil {
			t.Errorf("%s: a set came with the error", name)
		}
	}
}

// FuzzRead: whatever is in a folder, reading it ends in an error or in a set that is written and read the same.
func FuzzRead(f *testing.F) {
	f.Add("111111111111/web-dev-Node/trust.json", anyTrust)
	f.Add("111111111111/web-dev-Deploy/policy-deploy.json", anyPolicy)
	f.Add("111111111111/web-dev-Deploy/boundary.json", "{")
	f.Fuzz(func(t *testing.T, name, text string) {
		if !fs.ValidPath(name) || name == "." {
			return
		}
		set, err := Read(files(map[string]string{name: text}))
		if err != nil {
			return
		}
		again := map[string]string{}
		for file, data := range Write(set) {
			again[file] = string(data)
		}
		got, err := Read(files(again))
		if diff := cmp.Diff(set, got, cmpopts.IgnoreTypes(iam.Position{}), cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v (-first +again):\n%s", err, diff)
		}
	})
}

// An error in a policy names file, line and column, and every broken file is reported.
func TestReadNamesEveryPlace(t *testing.T) {
	t.Parallel()
	_, err := Read(files(map[string]string{
		"111111111111/a/policy-x.json": "{\n  \"Statment\": []\n}",
		"111111111111/b/trust.json":    "{",
	}))
	var syntax *iam.SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 2 || syntax.File != "111111111111/a/policy-x.json" {
		t.Errorf("error %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "111111111111/b/trust.json:1:") {
		t.Errorf("the second file is missing in: %v", err)
	}
}

// FuzzAttached: no list of ARNs breaks the reader, and what it takes it writes back.
func FuzzAttached(f *testing.F) {
	f.Add([]byte(`["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", "arn:aws:iam::111111111111:policy/x/y"]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Read(fstest.MapFS{"111111111111/user-u/attached.json": &fstest.MapFile{Data: text}})
		if err != nil {
			return
		}
		back := fstest.MapFS{}
		for name, content := range Write(set) {
			back[name] = &fstest.MapFile{Data: content}
		}
		if len(back) == 0 {
			return // an empty list
		}
		again, err := Read(back)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(set.Users, again.Users, cmpopts.IgnoreTypes(iam.Position{}, Place{})); diff != "" {
			t.Errorf("-read +read again:\n%s", diff)
		}
	})
}

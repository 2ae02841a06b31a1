package clients_test

import (
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	policy "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	rendered "github.com/slipway-cd/slipway/internal/roles"
)

// renderedRoles gives the JSON rendering of every example, and of one with a role that needs managed policies, a boundary and a
// user.
func renderedRoles(t *testing.T) map[string]fstest.MapFS {
	t.Helper()
	files, err := filepath.Glob("../../../examples/*/slipway.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	out := map[string]fstest.MapFS{}
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
		set, err := rendered.Render(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(file))] = folder(rendered.Write(set))
	}
	const other = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/é*"}]}`
	everything := map[string][]byte{}
	for _, name := range []string{"R/policy-in.json", "R/managed-m.json", "R/boundary.json", "user-U/policy-in.json", "user-U/managed-u.json", "user-U/boundary.json"} {
		everything["012345678901/"+name] = []byte(other)
	}
	everything["012345678901/R/trust.json"] = []byte(ec2Trust)
	set, err := rendered.Read(folder(everything))
	if err != nil {
		t.Fatal(err)
	}
	out["everything"] = folder(rendered.Write(set))
	return out
}

func folder(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: content}
	}
	return out
}

// R63, R118: the JSON rendering goes into IAM as it is, through IAM's own API, and comes back equal.
func TestR063RenderingGoesIntoIAMAndComesBack(t *testing.T) {
	t.Parallel()
	for name, files := range renderedRoles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir(), Logf: t.Logf})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := local.Close(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			})
			if err := local.Serve("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			set, err := rendered.Read(files)
			if err != nil {
				t.Fatal(err)
			}
			back := &rendered.Set{Buckets: set.Buckets} // no part of IAM
			in := inIAM{t: t, local: local, clients: map[string]*iam.Client{}, made: map[string]bool{}}
			for _, r := range set.Roles {
				in.putRole(r)
				back.Roles = append(back.Roles, in.getRole(r.Account, r.Name))
			}
			for _, u := range set.Users {
				in.putUser(u)
				back.Users = append(back.Users, in.getUser(u.Account, u.Name))
			}
			if diff := cmp.Diff(files, folder(rendered.Write(back))); diff != "" || len(files) < 4 {
				t.Errorf("-rendered +read back from IAM:\n%s", diff)
			}
		})
	}
}

// inIAM is the IAM of a local AWS, seen by the administrator of each account.
type inIAM struct {
	t       *testing.T
	local   *localaws.AWS
	clients map[string]*iam.Client
	made    map[string]bool // managed policies
}

func (i inIAM) client(account string) *iam.Client {
	i.t.Helper()
	if i.clients[account] == nil {
		keys, err := i.local.EnsureAccount(i.t.Context(), account)
		i.must(err)
		g := goSDK{i.local.Endpoint(), region, credentials{Key: keys.AccessKeyID, Secret: keys.SecretAccessKey}}
		i.clients[account] = iam.NewFromConfig(g.config(nil))
	}
	return i.clients[account]
}

func (i inIAM) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

func text(d *policy.Document) *string { return aws.String(string(d.JSON())) }

func (i inIAM) putRole(r rendered.Role) {
	i.t.Helper()
	c, ctx := i.client(r.Account), i.t.Context()
	in := &iam.CreateRoleInput{RoleName: &r.Name, Path: &r.Path, AssumeRolePolicyDocument: text(r.Trust)}
	if r.Boundary != nil {
		in.PermissionsBoundary = aws.String(i.managed(r.Account, r.Path, r.Name+"-Boundary", r.Boundary))
	}
	_, err := c.CreateRole(ctx, in)
	i.must(err)
	for _, p := range r.Policies {
		_, err := c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &r.Name, PolicyName: &p.Name, PolicyDocument: text(p.Document)})
		i.must(err)
	}
	for _, a := range r.Attached {
		_, err := c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &r.Name, PolicyArn: aws.String(i.attached(r.Account, a))})
		i.must(err)
	}
	if r.InstanceProfile {
		_, err := c.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &r.Name, Path: &r.Path})
		i.must(err)
		_, err = c.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &r.Name, RoleName: &r.Name})
		i.must(err)
	}
}

// managed makes a managed policy unless it is there.
func (i inIAM) managed(account, path, name string, d *policy.Document) string {
	i.t.Helper()
	arn := "arn:aws:iam::" + account + ":policy" + path + name
	if !i.made[arn] {
		i.made[arn] = true
		_, err := i.client(account).CreatePolicy(i.t.Context(), &iam.CreatePolicyInput{PolicyName: &name, Path: &path, PolicyDocument: text(d)})
		i.must(err)
	}
	return arn
}

func (i inIAM) attached(account string, a rendered.Attached) string {
	i.t.Helper()
	rest, own := strings.CutPrefix(a.ARN, "arn:aws:iam::"+account+":policy/")
	if !own {
		return a.ARN
	}
	return i.managed(account, "/"+strings.TrimSuffix(rest, a.Name()), a.Name(), a.Document)
}

func (i inIAM) putUser(u rendered.User) {
	i.t.Helper()
	c, ctx := i.client(u.Account), i.t.Context()
	in := &iam.CreateUserInput{UserName: &u.Name, Path: &u.Path}
	if u.Boundary != nil {
		in.PermissionsBoundary = aws.String(i.managed(u.Account, u.Path, u.Name+"-Boundary", u.Boundary))
	}
	_, err := c.CreateUser(ctx, in)
	i.must(err)
	for _, p := range u.Policies {
		_, err := c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &u.Name, PolicyName: &p.Name, PolicyDocument: text(p.Document)})
		i.must(err)
	}
	for _, a := range u.Attached {
		_, err := c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &u.Name, PolicyArn: aws.String(i.attached(u.Account, a))})
		i.must(err)
	}
}

// parse reads a document that IAM answers with: percent-encoded.
func (i inIAM) parse(file, encoded string) *policy.Document {
	i.t.Helper()
	source, err := url.PathUnescape(encoded)
	i.must(err)
	d, err := policy.Parse(file, []byte(source))
	i.must(err)
	return d
}

func (i inIAM) read(account, arn string) *policy.Document {
	i.t.Helper()
	c, ctx := i.client(account), i.t.Context()
	p, err := c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	i.must(err)
	v, err := c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.Policy.DefaultVersionId})
	i.must(err)
	return i.parse(path.Base(arn), *v.PolicyVersion.Document)
}

func (i inIAM) getRole(account, name string) rendered.Role {
	i.t.Helper()
	c, ctx := i.client(account), i.t.Context()
	got, err := c.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	i.must(err)
	r := rendered.Role{Account: account, Name: name, Path: *got.Role.Path, Trust: i.parse("trust.json", *got.Role.AssumeRolePolicyDocument)}
	if got.Role.PermissionsBoundary != nil {
		r.Boundary = i.read(account, *got.Role.PermissionsBoundary.PermissionsBoundaryArn)
	}
	list, err := c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	i.must(err)
	for _, n := range list.PolicyNames {
		p, err := c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &n})
		i.must(err)
		r.Policies = append(r.Policies, rendered.Policy{Name: n, Document: i.parse(n, *p.PolicyDocument)})
	}
	attached, err := c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	i.must(err)
	for _, a := range attached.AttachedPolicies {
		r.Attached = append(r.Attached, rendered.Attached{ARN: *a.PolicyArn, Document: i.read(account, *a.PolicyArn)})
	}
	profiles, err := c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: &name})
	i.must(err)
	if node := strings.HasSuffix(name, "-Node"); node != (len(profiles.InstanceProfiles) == 1) {
		i.t.Errorf("role %s has %d instance profiles", name, len(profiles.InstanceProfiles))
	}
	return r
}

func (i inIAM) getUser(account, name string) rendered.User {
	i.t.Helper()
	c, ctx := i.client(account), i.t.Context()
	got, err := c.GetUser(ctx, &iam.GetUserInput{UserName: &name})
	i.must(err)
	u := rendered.User{Account: account, Name: name, Path: *got.User.Path}
	if got.User.PermissionsBoundary != nil {
		u.Boundary = i.read(account, *got.User.PermissionsBoundary.PermissionsBoundaryArn)
	}
	list, err := c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &name})
	i.must(err)
	for _, n := range list.PolicyNames {
		p, err := c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &name, PolicyName: &n})
		i.must(err)
		u.Policies = append(u.Policies, rendered.Policy{Name: n, Document: i.parse(n, *p.PolicyDocument)})
	}
	attached, err := c.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &name})
	i.must(err)
	for _, a := range attached.AttachedPolicies {
		u.Attached = append(u.Attached, rendered.Attached{ARN: *a.PolicyArn, Document: i.read(account, *a.PolicyArn)})
	}
	slices.SortFunc(u.Attached, func(a, b rendered.Attached) int { return strings.Compare(a.ARN, b.ARN) })
	return u
}

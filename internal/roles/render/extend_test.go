package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

// extendedText is a release with two stages whose nodes carry the same role, which is there already, and one that has its own.
const extendedText = `
app: shop
region: eu-west-1
accounts: {web: "111111111111"}
roles: {path: /shop/}
stages:
  - name: dev
    account: web
    targets: {tags: {App: shop, Environment: dev}, node-role: team/WebServers}
    permissions: [{actions: [ssm:GetParameter], resources: [parameter/shop/dev]}]
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]
  - name: test
    account: web
    targets: {tags: {App: shop, Environment: test}, node-role: team/WebServers}
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]
  - name: prod
    account: web
    targets: {tags: {App: shop, Environment: prod}}
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]
`

// TestR123ARoleThatIsThereIsExtendedAndNotMade: each format has the policies, attached to the role by its name, and neither the role
// nor an instance profile.
func TestR123ARoleThatIsThereIsExtendedAndNotMade(t *testing.T) {
	t.Parallel()
	set := parsed(t, extendedText)
	for format, write := range formats {
		text := rendered(t, write, "extended", set)
		golden(t, "extended."+format, text)
		for what, count := range map[string]int{
			"cloudformation Type: AWS::IAM::Role\n": 4, "cloudformation Type: AWS::IAM::InstanceProfile\n": 1,
			"cloudformation Roles:\n        - WebServers\n": 2, "cloudformation RoleName: WebServers": 0,
			"terraform resource \"aws_iam_role\" ": 4, "terraform resource \"aws_iam_instance_profile\" ": 1,
			"terraform   role       = \"WebServers\"\n": 2, "terraform name = \"WebServers\"": 0,
		} {
			if of, part, _ := strings.Cut(what, " "); of == format && strings.Count(text, part) != count {
				t.Errorf("%s has %q %d times, want %d", format, part, strings.Count(text, part), count)
			}
		}
	}
	files, err := render.Monitoring(set, render.Options{App: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if text := string(files["111111111111-monitoring.yaml"]); text == "" || strings.Contains(text, "WebServers") {
		t.Errorf("what watches the deploy roles watches a role of others, or nothing:\n%s", text)
	}
}

// TestR123TheTemplateAndTheRoleAreOne: the template that adds to a role and the file that has the role are joined, whichever is read
// first; the template's text of a policy counts, since that will be there.
func TestR123TheTemplateAndTheRoleAreOne(t *testing.T) {
	t.Parallel()
	files, err := render.CloudFormation(parsed(t, extendedText), render.Options{App: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string, text []byte) *roles.Set {
		set, findings := given.Read(name, text, given.Options{Account: "111111111111", Partition: "aws"})
		if err := given.Error(findings); err != nil {
			t.Fatal(err)
		}
		return set
	}
	for name, first := range map[string]int{"the template first": 0, "the role first": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := []*roles.Set{read("roles.yaml", files["111111111111.yaml"]), read("dump.json", []byte(dump))}
			set := &roles.Set{}
			set.Add(parts[first])
			set.Add(parts[1-first])
			set.Join()
			i := slices.IndexFunc(set.Roles, func(r roles.Role) bool { return r.Name == "WebServers" })
			r := set.Roles[i]
			if r.Adds || r.Trust == nil || r.Path != "/team/" || len(r.Policies) != 1 || len(r.Doubts) != 0 {
				t.Errorf("the role is not whole: %+v", r)
			}
			var arns []string
			for _, a := range r.Attached {
				arns = append(arns, a.ARN)
				if a.Document == nil || len(a.Document.Statements) < 3 {
					t.Errorf("%s has not the template's text", a.ARN)
				}
			}
			slices.Sort(arns)
			if want := []string{"arn:aws:iam::111111111111:policy/shop/shop-dev-Node", "arn:aws:iam::111111111111:policy/shop/shop-test-Node"}; !slices.Equal(arns, want) {
				t.Errorf("attached are %v, want %v", arns, want)
			}
			if n := len(set.Roles); n != 5 {
				t.Errorf("%d roles, want 5", n)
			}
		})
	}
}

// dump is an account with the role, to which an older text of a policy is attached already.
const dump = `{"RoleDetailList": [{
  "RoleName": "WebServers", "Path": "/team/", "Arn": "arn:aws:iam::111111111111:role/team/WebServers",
  "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]},
  "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::assets/*"}]}}],
  "AttachedManagedPolicies": [{"PolicyName": "shop-dev-Node", "PolicyArn": "arn:aws:iam::111111111111:policy/shop/shop-dev-Node"}],
  "InstanceProfileList": [{"InstanceProfileName": "WebServers", "Path": "/", "Arn": "arn:aws:iam::111111111111:instance-profile/WebServers"}]
}], "Policies": [{
  "PolicyName": "shop-dev-Node", "Arn": "arn:aws:iam::111111111111:policy/shop/shop-dev-Node", "DefaultVersionId": "v1",
  "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssmmessages:OpenControlChannel", "Resource": "*"}]}}]
}]}`

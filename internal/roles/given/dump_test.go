package given_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

const dumpText = `{
  "UserDetailList": [
    {"UserName": "ci", "Path": "/", "Arn": "arn:aws:iam::111122223333:user/ci", "GroupList": ["deployers", "gone"],
     "AttachedManagedPolicies": []}
  ],
  "GroupDetailList": [
    {"GroupName": "deployers", "Arn": "arn:aws:iam::111122223333:group/deployers",
     "GroupPolicyList": [{"PolicyName": "assume", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
       {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}}],
     "AttachedManagedPolicies": []}
  ],
  "RoleDetailList": [
    {"RoleName": "web-dev-Node", "Path": "/slipway/", "Arn": "arn:aws:iam::111122223333:role/slipway/web-dev-Node",
     "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D",
     "InstanceProfileList": [{"InstanceProfileName": "web-dev-Node"}],
     "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}],
     "AttachedManagedPolicies": [
       {"PolicyName": "shared", "PolicyArn": "arn:aws:iam::111122223333:policy/shared"},
       {"PolicyName": "AmazonSSMManagedInstanceCore", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"},
       {"PolicyName": "elsewhere", "PolicyArn": "arn:aws:iam::111122223333:policy/elsewhere"}],
     "PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/shared"}}
  ],
  "Policies": [
    {"PolicyName": "shared", "Arn": "arn:aws:iam::111122223333:policy/shared", "DefaultVersionId": "v2", "PolicyVersionList": [
      {"VersionId": "v2", "IsDefaultVersion": true, "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}},
      {"VersionId": "v1", "IsDefaultVersion": false, "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}
  ]
}`

func TestDumpIsRead(t *testing.T) {
	t.Parallel()
	set, findings := given.Read("account.json", []byte(dumpText), given.Options{})
	if err := given.Error(findings); err != nil {
		t.Fatal(err)
	}
	r := set.Roles[0]
	if r.Account != "111122223333" || r.Path != "/slipway/" || !r.InstanceProfile || r.Kind != "Node" {
		t.Errorf("role: %+v", r)
	}
	if got := r.Trust.Statements[0].Principals[0].Values; len(got) != 1 || got[0] != "ec2.amazonaws.com" {
		t.Errorf("trust: %v", got)
	}
	if got := r.Trust.Statements[0].Pos; got != (iam.Position{Line: 14, Column: 34}) {
		t.Errorf("the trust policy stands at %v", got)
	}
	if got := r.Boundary.Statements[0].Actions; !cmp.Equal(got, []string{"s3:GetObject"}) {
		t.Errorf("the boundary is not the default version: %v", got)
	}
	known := map[string]bool{}
	for _, a := range r.Attached {
		known[a.Name()] = a.Document != nil
	}
	if diff := cmp.Diff(map[string]bool{"shared": true, "AmazonSSMManagedInstanceCore": true, "elsewhere": false}, known); diff != "" {
		t.Error(diff)
	}
	u := set.Users[0]
	if len(u.Policies) != 1 || u.Policies[0].Name != "assume" {
		t.Errorf("the user has not what its group has: %+v", u.Policies)
	}
	if diff := cmp.Diff([]string{"the policies of its group gone are not given"}, u.Doubts); diff != "" {
		t.Error(diff)
	}
}

func TestDumpIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, want string }{
		"cut off": {`{
  "UserDetailList"`, `{"IsTruncated": true,
  "UserDetailList"`, "account.json:1:17: the list is cut off"},
		"R117 in the file":     {`"Path": "/slipway/"`, `"Path": "/slipway/", "Path": "/"`, `account.json:13:55: duplicate key "Path"`},
		"R117 in a text":       {"%22Effect%22%3A%22Allow%22", "%22Effect%22%3A%22Allow%22%2C%22Effect%22%3A%22Deny%22", `account.json:14:34: duplicate key "Effect"`},
		"another account":      {"arn:aws:iam::111122223333:role/", "arn:aws:iam::999999999999:role/", "a dump is of one account"},
		"no policy in a text":  {"%7B%22Version", "%7B%22Verson", `did you mean "Version"?`},
		"broken escape":        {"%7B%22Version", "%7B%2", "not URL-encoded"},
		"neither of the kinds": {`"UserDetailList"`, `"Users"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(dumpText, test.old, test.new, 1)
			if text == dumpText {
				t.Fatal("nothing was replaced")
			}
			_, findings := given.Read("account.json", []byte(text), given.Options{})
			err := given.Error(findings)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

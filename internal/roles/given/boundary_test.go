package given_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// TestTheTextOfABoundaryIsTaken: a template, a plan and a dump without the policy name it; whoever has the text gives it. That of
// another boundary stays unknown, and a text that is there is not replaced.
func TestTheTextOfABoundaryIsTaken(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:iam::111122223333:policy/org/Boundary"
	const trust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}`
	const none = `"RolePolicyList": [], "AttachedManagedPolicies": [], "InstanceProfileList": []`
	dump := func(policies string) string {
		return `{"UserDetailList": [], "GroupDetailList": [], "Policies": [` + policies + `], "RoleDetailList": [{"RoleName": "r", "Path": "/",
			"Arn": "arn:aws:iam::111122223333:role/r", "AssumeRolePolicyDocument": ` + trust + `, ` + none + `,
			"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": "` + arn + `"}}]}`
	}
	plan := `{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"resources": [{"address": "aws_iam_role.r",
		"mode": "managed", "type": "aws_iam_role", "name": "r", "values": {"name": "r", "path": "/", "permissions_boundary": "` + arn + `",
		"assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}"}}]}}}`
	own := `{"PolicyName": "Boundary", "Arn": "` + arn + `", "DefaultVersionId": "v1", "PolicyVersionList": [{"VersionId": "v1",
		"IsDefaultVersion": true, "Document": {"Version": "2012-10-17", "Statement": [{"Sid": "Own", "Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}`
	text, err := iam.Parse("boundary.json", []byte(`{"Version": "2012-10-17", "Statement": [{"Sid": "Given", "Effect": "Allow", "Action": "*", "Resource": "*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, arn, want string }{
		"a template": {`{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "Path": "/",
			"AssumeRolePolicyDocument": ` + trust + `, "PermissionsBoundary": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:policy/org/Boundary"}}}}}`, arn, "Given"},
		"a plan":           {plan, arn, "Given"},
		"a dump":           {dump(""), arn, "Given"},
		"another boundary": {dump(""), arn + "2", ""},
		"a dump that has":  {dump(own), arn, "Own"},
	} {
		set, findings := given.Read("file.json", []byte(test.file), given.Options{Account: "111122223333"})
		if err := given.Error(findings); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := &set.Roles[0]
		given.TakeBoundary(r, test.arn, text)
		switch {
		case test.want == "" && (r.Boundary != nil || len(r.Doubts) != 1):
			t.Errorf("%s: %+v, in doubt: %q", name, r.Boundary, r.Doubts)
		case test.want != "" && (r.Boundary == nil || r.Boundary.Statements[0].Sid != test.want || len(r.Doubts) > 0):
			t.Errorf("%s: %+v, in doubt: %q", name, r.Boundary, r.Doubts)
		}
	}
}

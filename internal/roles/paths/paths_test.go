package paths_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/paths"
)

const account = "111122223333"

func policy(t *testing.T, text string) *iam.Document {
	t.Helper()
	d, findings := iam.Read("p.json", []byte(`{"Version":"2012-10-17","Statement":[`+text+`]}`), iam.ReadOptions{Intrinsics: true})
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	return d
}

// TestR116WholeAccount: each technique of R116 is found, and its near twin is not.
func TestR116WholeAccount(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:iam::111122223333:role/"
	for name, test := range map[string]struct{ allowed, trust, want string }{
		"pass":              {`{"Effect":"Allow","Action":["iam:PassRole","ec2:RunInstances"],"Resource":"*"}`, `{"Service":"ec2.amazonaws.com"}`, "iam:PassRole + ec2:RunInstances → strong"},
		"pass to no taker":  {`{"Effect":"Allow","Action":["iam:PassRole","ec2:RunInstances"],"Resource":"*"}`, `{"Service":"backup.amazonaws.com"}`, ""},
		"pass of another":   {`{"Effect":"Allow","Action":["iam:PassRole","ec2:RunInstances"],"Resource":"` + arn + `other"}`, `{"Service":"lambda.amazonaws.com"}`, ""},
		"assume":            {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + arn + `strong"}`, `{"AWS":"arn:aws:iam::111122223333:root"}`, "sts:AssumeRole → strong"},
		"assume, untrusted": {`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + arn + `strong"}`, `{"AWS":"arn:aws:iam::999999999999:root"}`, ""},
		"put":               {`{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"` + arn + `weak"}`, `{"Service":"lambda.amazonaws.com"}`, "iam:PutRolePolicy on itself → everything"},
		"trust":             {`{"Effect":"Allow","Action":"iam:UpdateAssumeRolePolicy","Resource":"` + arn + `strong"}`, `{"Service":"lambda.amazonaws.com"}`, "iam:UpdateAssumeRolePolicy"},
		"node":              {`{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"*"}`, `{"Service":"ec2.amazonaws.com"}`, "ssm:SendCommand on node any instance with this role → strong"},
		"another document":  {`{"Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:*::document/AWS-UpdateSSMAgent","arn:aws:ec2:*:*:instance/*"]}`, `{"Service":"ec2.amazonaws.com"}`, "(if document AWS-UpdateSSMAgent runs what its sender says)"},
		"reads":             {`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, `{"Service":"ec2.amazonaws.com"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := &roles.Set{Complete: true, Roles: []roles.Role{
				{Account: account, Name: "weak", Path: "/", Policies: []roles.Policy{{Name: "p", Document: policy(t, test.allowed)}}},
				{
					Account: account, Name: "strong", Path: "/", Policies: []roles.Policy{{Name: "q", Document: policy(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`)}},
					Trust: policy(t, `{"Effect":"Allow","Principal":`+test.trust+`,"Action":"sts:AssumeRole"}`),
				},
			}}
			found, err := paths.Find(set, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(found.Paths) > 0 || found.Exit() != 0 {
					t.Errorf("found:\n%s", found.Text())
				}
				return
			}
			if found.Exit() != 1 || !strings.Contains(found.Text(), test.want) {
				t.Errorf("no %q in\n%s", test.want, found.Text())
			}
			if free := name == "node"; free && strings.Contains(found.Text(), "(if document") {
				t.Errorf("AWS-RunShellScript runs what its sender says:\n%s", found.Text())
			}
			for _, p := range found.Paths {
				if strings.HasSuffix(p.From, "strong") {
					t.Errorf("a path of the administrator: %s", p.Text)
				}
			}
		})
	}
}

package given_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

const deployer = `AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  AppId: {Type: String, Default: shop}
  ToolsAccountId: {Type: String}
Resources:
  Deployer:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '${AppId}-DeployerRole'
      ManagedPolicyArns:
        - !Sub 'arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore'
        - !Ref Shared
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal:
              AWS:
                - !Sub 'arn:aws:iam::${ToolsAccountId}:role/${AppId}-CodeBuildRole'
            Action: sts:AssumeRole
      Policies:
        - PolicyName: DelegateToCloudFormationRole
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource: !Sub 'arn:aws:iam::${AWS::AccountId}:role/${AppId}-CloudFormationExecutionRole'
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement: {Effect: Allow, Action: s3:GetObject, Resource: !Join ['', ['arn:aws:s3:::', !Ref AppId, '/*']]}
`

func read(t *testing.T, text string, o given.Options) *roles.Set {
	t.Helper()
	set, findings := given.Read("roles.yaml", []byte(text), o)
	if err := given.Error(findings); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTemplateIsRead(t *testing.T) {
	t.Parallel()
	set := read(t, deployer, given.Options{Account: "111122223333"})
	if len(set.Roles) != 1 || len(set.Loose) != 0 {
		t.Fatalf("got %d roles and %d loose policies", len(set.Roles), len(set.Loose))
	}
	r := set.Roles[0]
	if r.Name != "shop-DeployerRole" || r.Path != "/" || r.Account != "111122223333" {
		t.Errorf("got %s%s in %s", r.Path, r.Name, r.Account)
	}
	if want := (roles.Place{File: "roles.yaml", Line: 6, Column: 3}); r.Place != want {
		t.Errorf("place %v, want %v", r.Place, want)
	}
	st := r.Policies[0].Document.Statements[0]
	if diff := cmp.Diff([]string{"arn:aws:iam::111122223333:role/shop-CloudFormationExecutionRole"}, st.Resources); diff != "" {
		t.Error(diff)
	}
	if want := (iam.Position{Line: 28, Column: 27}); st.Places.Resource != want {
		t.Errorf("the resource stands at %v, want %v", st.Places.Resource, want)
	}
	trust := r.Trust.Statements[0].Principals[0].Values[0]
	if want := iam.Intrinsic(`{"Fn::Sub":"arn:aws:iam::${ToolsAccountId}:role/shop-CodeBuildRole"}`); trust != want {
		t.Errorf("principal %q, want %q", trust, want)
	}
	if len(r.Attached) != 2 || r.Attached[0].Document == nil || r.Attached[1].Document == nil {
		t.Fatalf("attached: %+v", r.Attached)
	}
	if got := r.Attached[1].Document.Statements[0].Resources[0]; got != "arn:aws:s3:::shop/*" {
		t.Errorf("resource %s", got)
	}
}

// TestR116PoliciesByTheirARN: a policy of the template that it names by an ARN in full is that one, as boundary and attached.
func TestR116PoliciesByTheirARN(t *testing.T) {
	t.Parallel()
	const text = `AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Edge:
    Type: AWS::IAM::ManagedPolicy
    Properties: {ManagedPolicyName: edge, Path: /p/, PolicyDocument: {Version: 2012-10-17, Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}}
  R:
    Type: AWS::IAM::Role
    Properties:
      RoleName: r
      AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}}
      PermissionsBoundary: 'arn:aws:iam::111122223333:policy/p/edge'
      ManagedPolicyArns: ['arn:aws:iam::111122223333:policy/p/edge']
`
	for name, test := range map[string]struct {
		text, account string
		known         bool
	}{
		"the same":             {text, "111122223333", true},
		"another account":      {text, "999999999999", false},
		"no account":           {text, "", false},
		"another path":         {strings.Replace(text, "Path: /p/", "Path: /q/", 1), "111122223333", false},
		"another's partition":  {strings.Replace(text, "['arn:aws:", "['arn:aws-cn:", 1), "111122223333", false},
		"in another partition": {strings.ReplaceAll(text, "arn:aws:", "arn:aws-us-gov:"), "111122223333", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := read(t, test.text, given.Options{Account: test.account}).Roles[0]
			if got := r.Boundary != nil && r.Attached[0].Document != nil && len(r.Doubts) == 0; got != test.known {
				t.Errorf("boundary %v, attached %v, doubts %q", r.Boundary, r.Attached[0].Document, r.Doubts)
			}
		})
	}
}

// TestR117DuplicateKeysInTemplates: CloudFormation's YAML reader may take the last of two, and then a statement is not what it seems.
func TestR117DuplicateKeysInTemplates(t *testing.T) {
	t.Parallel()
	twice := strings.Replace(deployer, "                Action: iam:PassRole\n", "                Action: iam:PassRole\n                Action: iam:GetRole\n", 1)
	_, findings := given.Read("roles.yaml", []byte(twice), given.Options{})
	if len(findings) != 1 || findings[0].Code != iam.CodeDuplicateKey || findings[0].Line != 28 || findings[0].Column != 17 {
		t.Fatalf("findings: %v", findings)
	}
}

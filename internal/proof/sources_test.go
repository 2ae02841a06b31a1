package proof_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

const (
	shopAccount  = "222222222222"
	toolsAccount = "111111111111"
	shopRegion   = "eu-west-1"
)

// source reads the roles of one of the sources, with the values that its parameters have for the application shop.
func source(t *testing.T, account, name string) *roles.Set {
	t.Helper()
	file := filepath.Join("..", "lint", "testdata", "sources", filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	set, findings := given.Read(name, text, given.Options{Account: account, Region: shopRegion, Parameters: map[string]string{
		"AppId": "shop", "ToolsAccountId": toolsAccount, "DevAccountId": shopAccount, "StagingAccountId": "333333333333", "ProdAccountId": "444444444444",
	}})
	if err := given.Error(findings); err != nil {
		t.Fatal(err)
	}
	return set
}

// holder is a role or user of a source, ready to be asked.
type holder struct {
	principal iam.Principal
	set       *iam.PolicySet
	trust     *iam.Policy
}

func roleOf(t *testing.T, set *roles.Set, name string) holder {
	t.Helper()
	for _, r := range set.Roles {
		if r.Name != name {
			continue
		}
		h := holder{principal: iam.Principal{Kind: iam.PrincipalAWS, Account: r.Account, RoleARN: "arn:aws:iam::" + r.Account + ":role/" + name,
			ARN: "arn:aws:sts::" + r.Account + ":assumed-role/" + name + "/run"}, set: &iam.PolicySet{}, trust: compiled(t, r.Trust)}
		for _, p := range r.Policies {
			h.set.Identity = append(h.set.Identity, compiled(t, p.Document))
		}
		for _, a := range r.Attached {
			h.set.Identity = append(h.set.Identity, compiled(t, a.Document))
		}
		return h
	}
	t.Fatalf("no role %s", name)
	return holder{}
}

func compiled(t *testing.T, d *iam.Document) *iam.Policy {
	t.Helper()
	p, err := iam.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// may says whether a role may do something.
func (h holder) may(action, resource string, context ...string) bool {
	values := map[string][]string{}
	for i := 0; i+1 < len(context); i += 2 {
		values[context[i]] = []string{context[i+1]}
	}
	return h.set.Allowed(&iam.Request{Principal: h.principal, Action: action, Resource: resource, Account: h.principal.Account, Context: iam.NewContext(values)})
}

// row is one thing that a role may do, or not.
type row struct {
	action, resource string
	want             bool
}

func (h holder) check(t *testing.T, rows ...row) {
	t.Helper()
	for _, r := range rows {
		if got := h.may(r.action, r.resource); got != r.want {
			t.Errorf("%s on %s by %s: %t", r.action, r.resource, h.principal.RoleARN, got)
		}
	}
}

const (
	deployer  = "shop-DeployerRole"
	execution = "shop-CloudFormationExecutionRole"
	inShop    = "arn:aws:iam::" + shopAccount + ":role/"
	shopStack = "arn:aws:cloudformation:" + shopRegion + ":" + shopAccount + ":stack/"
)

func TestR065TheDeployerPassesTheExecutionRoleOnly(t *testing.T) {
	t.Parallel()
	roleOf(t, source(t, shopAccount, "D3/roles.yaml"), deployer).check(t,
		row{"iam:PassRole", inShop + execution, true}, row{"iam:PassRole", inShop + deployer, false},
		row{"iam:PassRole", inShop + "shop-api-Lambda", false}, row{"iam:PassRole", inShop + "Admin", false},
		row{"iam:PassRole", "arn:aws:iam::999999999999:role/" + execution, false})
}

func TestR066StacksOfTheApplicationOnly(t *testing.T) {
	t.Parallel()
	h := roleOf(t, source(t, shopAccount, "D3/roles.yaml"), deployer)
	for _, name := range strings.Fields(`CreateChangeSet CreateStack DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents DescribeStackResource
		DescribeStackResources DescribeStacks ExecuteChangeSet ListStackResources SetStackPolicy UpdateStack UpdateTerminationProtection GetTemplate`) {
		h.check(t, row{"cloudformation:" + name, shopStack + "shop-api/1", true}, row{"cloudformation:" + name, shopStack + "landing-zone-audit/1", false},
			row{"cloudformation:" + name, shopStack + "shop/1", false})
	}
	h.check(t, row{"cloudformation:CreateChangeSet", "arn:aws:cloudformation:eu-west-1:aws:transform/Serverless-2016-10-31", false})
}

func TestR067ValidateTemplateIsOnStar(t *testing.T) {
	t.Parallel()
	roleOf(t, source(t, shopAccount, "D3/roles.yaml"), deployer).check(t, row{"cloudformation:ValidateTemplate", "*", true})
}

func TestR068OnlyTheExecutionRoleTouchesResources(t *testing.T) {
	t.Parallel()
	set := source(t, shopAccount, "D3/roles.yaml")
	for _, c := range [][2]string{
		{"dynamodb:DeleteTable", "arn:aws:dynamodb:eu-west-1:222222222222:table/shop-orders"},
		{"lambda:CreateFunction", "arn:aws:lambda:eu-west-1:222222222222:function:shop-api"},
		{"sqs:DeleteQueue", "arn:aws:sqs:eu-west-1:222222222222:shop-jobs"},
		{"iam:CreateRole", inShop + "shop-api-Lambda"},
	} {
		roleOf(t, set, deployer).check(t, row{c[0], c[1], false})
		roleOf(t, set, execution).check(t, row{c[0], c[1], true})
	}
}

// TestR070ObjectsNeedAPatternThatReachesThem: D3's pattern does, since * spans /; the ARN of one bucket does not.
func TestR070ObjectsNeedAPatternThatReachesThem(t *testing.T) {
	t.Parallel()
	h := roleOf(t, source(t, shopAccount, "D3/roles.yaml"), deployer)
	for _, name := range []string{"PutObject", "GetObject", "DeleteObject"} {
		h.check(t, row{"s3:" + name, "arn:aws:s3:::shop-deploys/serverless/shop/state.json", true}, row{"s3:" + name, "arn:aws:s3:::other-deploys/x", false})
	}
	for _, name := range strings.Fields("CreateBucket DeleteBucket ListBucket GetBucketPolicy PutBucketPolicy DeleteBucketPolicy PutBucketAcl GetEncryptionConfiguration PutEncryptionConfiguration") {
		h.check(t, row{"s3:" + name, "arn:aws:s3:::shop-deploys", true})
	}
	strict := h
	strict.set = &iam.PolicySet{Identity: []*iam.Policy{compiled(t, &iam.Document{Name: "strict", Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"s3:PutObject", "s3:CreateBucket"}, Resources: []string{"arn:aws:s3:::shop-deploys"},
	}}})}}
	strict.check(t, row{"s3:CreateBucket", "arn:aws:s3:::shop-deploys", true}, row{"s3:PutObject", "arn:aws:s3:::shop-deploys/state.json", false})
}

func TestR080RolesOfTheApplicationOnly(t *testing.T) {
	t.Parallel()
	h := roleOf(t, source(t, shopAccount, "D3/roles.yaml"), execution)
	for _, action := range []string{"iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"} {
		h.check(t, row{action, inShop + "shop-api-Lambda", true}, row{action, inShop + "Admin", false}, row{action, "arn:aws:iam::999999999999:role/shop-api", false})
	}
}

func TestR081ParametersOfTheApplicationOnly(t *testing.T) {
	t.Parallel()
	at := "arn:aws:ssm:" + shopRegion + ":" + shopAccount + ":parameter/"
	roleOf(t, source(t, shopAccount, "D3/roles.yaml"), execution).check(t,
		row{"ssm:PutParameter", at + "shop", true}, row{"ssm:PutParameter", at + "shop/db", true}, row{"ssm:GetParameter", at + "shop/db", true},
		row{"ssm:PutParameter", at + "other/x", false}, row{"ssm:GetParameter", at + "shopping/db", false})
}

// TestR083And084BothHalvesOfD3 asks D3's tools account and its targets: only the user is let in, and the build role, which
// holds its half, is not.
func TestR084BothHalvesOfD3(t *testing.T) {
	t.Parallel()
	target := roleOf(t, source(t, shopAccount, "D3/roles.yaml"), deployer)
	build := roleOf(t, source(t, toolsAccount, "D3/tools.yaml"), "shop-CodeBuildRole")
	half := func(set *iam.PolicySet) bool {
		return set.Allowed(&iam.Request{Principal: build.principal, Action: "sts:AssumeRole", Resource: inShop + deployer, Account: shopAccount})
	}
	open := iam.AllowEveryone("trust")
	if !half(&iam.PolicySet{Identity: build.set.Identity, Trust: open}) {
		t.Error("the build role lacks its own half")
	}
	if half(&iam.PolicySet{Identity: build.set.Identity, Trust: target.trust}) {
		t.Error("the target lets the build role in, though its trust policy names the user only")
	}
}

// TestR096TheExecutionRoleChangesThePipelinesOwnRoles: in D3 its prefix covers them, and that is found; what slipway renders is
// below another path.
func TestR096TheExecutionRoleChangesThePipelinesOwnRoles(t *testing.T) {
	t.Parallel()
	set := source(t, shopAccount, "D3/roles.yaml")
	h := roleOf(t, set, execution)
	for _, name := range []string{deployer, execution} {
		h.check(t, row{"iam:PutRolePolicy", inShop + name, true}, row{"iam:AttachRolePolicy", inShop + name, true}, row{"iam:PassRole", inShop + name, true},
			row{"iam:PutRolePolicy", inShop + "slipway/" + name, false})
	}
	w := &escalation.World{}
	for _, name := range []string{deployer, execution} {
		r := roleOf(t, set, name)
		w.Principals = append(w.Principals, escalation.Principal{ARN: r.principal.RoleARN, Policies: r.set, Trust: r.trust})
	}
	graph, err := escalation.Find(w)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, e := range graph.Edges {
		found[e.From[strings.LastIndexByte(e.From, '/')+1:]+" "+e.To[strings.LastIndexByte(e.To, '/')+1:]] = true
	}
	if !found[execution+" "+deployer] {
		t.Errorf("that the execution role changes the deployer is not found: %v", found)
	}
}

// nodeOf is the node role that is rendered for a release.
func nodeOf(t *testing.T, text string) holder {
	t.Helper()
	r, err := release.Parse("slipway.yaml", []byte(text), release.Options{})
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
	return roleOf(t, set, "shop-prod-Node")
}

// TestR040ANodeReadsTheParametersOfItsApplicationOnly: there is no double slash, and no other application's path.
func TestR040ANodeReadsTheParametersOfItsApplicationOnly(t *testing.T) {
	t.Parallel()
	h := nodeOf(t, `app: shop
region: eu-west-1
accounts: {prod: "222222222222"}
stages:
  - name: prod
    account: prod
    targets: {tags: {App: shop}}
    permissions: [{actions: [ssm:GetParameter, ssm:GetParameters], resources: ["parameter/production/a/*"]}]
    steps: [{command: {name: release, document: AWS-RunShellScript, commands: ["true"], timeout: 1m}}]
`)
	at := "arn:aws:ssm:eu-west-1:222222222222:parameter"
	for _, action := range []string{"ssm:GetParameter", "ssm:GetParameters"} {
		h.check(t, row{action, at + "/production/a/secret", true}, row{action, at + "/production/b/secret", false},
			row{action, at + "//production/a/secret", false}, row{action, at + "/production/ab/secret", false})
	}
	h.check(t, row{"ssm:GetParametersByPath", at + "/production/a", false})
}

// TestR048StartAndStopByIDOrTag: D2's role reaches the instance that it names; one by tags reaches no untagged one.
func TestR048StartAndStopByIDOrTag(t *testing.T) {
	t.Parallel()
	instance := "arn:aws:ec2:eu-west-1:111122223333:instance/"
	text, err := os.ReadFile(filepath.Join("..", "lint", "testdata", "sources", "D2", "111122223333", "Automation", "policy-automation.json"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := iam.Parse("policy-automation.json", text)
	if err != nil {
		t.Fatal(err)
	}
	h := holder{principal: iam.Principal{Account: "111122223333"}, set: &iam.PolicySet{Identity: []*iam.Policy{compiled(t, d)}}}
	h.check(t, row{"ec2:StartInstances", instance + "i-1234567890abcdef0", true}, row{"ec2:StopInstances", instance + "i-0fedcba0987654321", false},
		row{"ec2:TerminateInstances", instance + "i-1234567890abcdef0", false})
	h.set = &iam.PolicySet{Identity: []*iam.Policy{compiled(t, &iam.Document{Name: "tags", Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"ec2:StartInstances", "ec2:StopInstances"}, Resources: []string{instance + "*"},
		Conditions: []iam.Condition{{Operator: "StringEquals", Key: "ec2:ResourceTag/Environment", Values: []string{"Dev"}}},
	}}})}}
	for value, want := range map[string]bool{"Dev": true, "Prod": false} {
		if h.may("ec2:StopInstances", instance+"i-0fedcba0987654321", "ec2:ResourceTag/Environment", value) != want {
			t.Errorf("tagged %s: %t", value, !want)
		}
	}
	h.check(t, row{"ec2:StopInstances", instance + "i-0fedcba0987654321", false})
}

// TestR052OtherRegionsAreDenied, and global services, which AWS serves from one region, are not.
func TestR052OtherRegionsAreDenied(t *testing.T) {
	t.Parallel()
	limit := compiled(t, &iam.Document{Name: "regions", Version: iam.Version2012, Statements: []iam.Statement{
		{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}},
		{Sid: "Regions", Effect: iam.Deny, NotActions: []string{"iam:*", "sts:*", "cloudfront:*"}, Resources: []string{"*"},
			Conditions: []iam.Condition{{Operator: "StringNotEquals", Key: "aws:RequestedRegion", Values: []string{"eu-west-1"}}}},
	}})
	h := holder{principal: iam.Principal{Account: shopAccount}, set: &iam.PolicySet{
		Identity: []*iam.Policy{iam.AllowAll("all")}, SCPs: [][]*iam.Policy{{limit}},
	}}
	for region, want := range map[string]bool{"eu-west-1": true, "us-east-1": false} {
		if h.may("ssm:SendCommand", "arn:aws:ssm:"+region+":222222222222:document/x", "aws:RequestedRegion", region) != want {
			t.Errorf("ssm in %s: %t", region, !want)
		}
	}
	if !h.may("iam:GetRole", inShop+"x", "aws:RequestedRegion", "us-east-1") || !h.may("cloudfront:ListDistributions", "*", "aws:RequestedRegion", "us-east-1") {
		t.Error("a global service is denied")
	}
}

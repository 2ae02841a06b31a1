package iam_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

// policy compiles a policy of one line's statements; an empty text is no policy.
func policy(t *testing.T, name, statements string) *iam.Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	p, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// policies are the statements of each layer.
type policies struct{ identity, boundary, session, trust, resource string }

func (p policies) compile(t *testing.T) *iam.PolicySet {
	t.Helper()
	set := &iam.PolicySet{
		Boundary: policy(t, "boundary", p.boundary),
		Trust:    policy(t, "trust", p.trust),
		Resource: policy(t, "resource", p.resource),
	}
	if p.identity != "" {
		set.Identity = []*iam.Policy{policy(t, "identity", p.identity)}
	}
	if p.session != "" {
		set.Session = []*iam.Policy{policy(t, "session", p.session)}
	}
	return set
}

var (
	user    = iam.Principal{ARN: userARN, Account: home}
	session = iam.Principal{ARN: sessionARN, RoleARN: roleARN, Account: home}
	github  = iam.Principal{Kind: iam.PrincipalFederated, ARN: provider, Account: home}
	service = iam.Principal{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"}
)

const (
	allowAll  = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	allowS3   = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	allowSQS  = `{"Effect":"Allow","Action":"sqs:*","Resource":"*"}`
	denyGet   = `{"Sid":"NoGet","Effect":"Deny","Action":"s3:GetObject","Resource":"*"}`
	assumeAny = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
)

// to is a statement of a resource policy for one principal.
func to(principal string) string {
	return `{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":` + principal + `}`
}

// trusts is a statement of a trust policy for one principal.
func trusts(principal string) string {
	return `{"Effect":"Allow","Action":["sts:AssumeRole","sts:AssumeRoleWithWebIdentity"],"Principal":` + principal + `}`
}

func aws(value string) string { return `{"AWS":"` + value + `"}` }

type layerTest struct {
	doc       string // the page of the guide that has the rule
	policies  policies
	principal iam.Principal
	account   string // of the resource
	want      string // outcome, and the layer of a denial
}

func runLayers(t *testing.T, action, resource string, tests map[string]layerTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.account == "" {
				tt.account = home
			}
			set := tt.policies.compile(t)
			r := &iam.Request{Principal: tt.principal, Action: action, Resource: resource, Account: tt.account}
			d := set.Evaluate(r)
			got := d.Outcome.String()
			if d.Outcome != iam.Allowed {
				got += " " + d.Layer.String()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s\nsee %s%s", got, tt.want, guide, tt.doc)
			}
			if set.Allowed(r) != (d.Outcome == iam.Allowed) {
				t.Error("Allowed disagrees with Evaluate")
			}
		})
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	const (
		logic      = "reference_policies_evaluation-logic.html"
		crossLogic = "reference_policies_evaluation-logic-cross-account.html"
		boundaries = "access_policies_boundaries.html"
		sessions   = "access_policies.html#policies_session"
		named      = "reference_policies_elements_principal.html"
		notNamed   = "reference_policies_elements_notprincipal.html"
	)
	root := "arn:aws:iam::" + home + ":root"
	exempt := func(list string) string {
		return `{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{"AWS":[` + list + `]}}`
	}
	runLayers(t, "s3:GetObject", "arn:aws:s3:::b/k", map[string]layerTest{
		"nothing is denied by default":     {logic, policies{}, user, "", "ImplicitlyDenied identity"},
		"identity allows":                  {logic, policies{identity: allowS3}, user, "", "Allowed"},
		"another service":                  {logic, policies{identity: allowSQS}, user, "", "ImplicitlyDenied identity"},
		"deny wins in the same policy":     {logic, policies{identity: allowAll + "," + denyGet}, user, "", "ExplicitlyDenied identity"},
		"deny wins in the boundary":        {logic, policies{identity: allowAll, boundary: allowAll + "," + denyGet}, user, "", "ExplicitlyDenied boundary"},
		"deny wins in a session policy":    {logic, policies{identity: allowAll, session: denyGet}, session, "", "ExplicitlyDenied session"},
		"identity with a principal":        {named, policies{identity: to(`"*"`)}, user, "", "ImplicitlyDenied identity"},
		"identity without a resource":      {logic, policies{identity: trusts(`"*"`)}, user, "", "ImplicitlyDenied identity"},
		"boundary limits":                  {boundaries, policies{identity: allowAll, boundary: allowSQS}, user, "", "ImplicitlyDenied boundary"},
		"boundary gives nothing":           {boundaries, policies{boundary: allowAll}, user, "", "ImplicitlyDenied identity"},
		"boundary and identity":            {boundaries, policies{identity: allowS3, boundary: allowAll}, user, "", "Allowed"},
		"session limits":                   {sessions, policies{identity: allowAll, session: allowSQS}, session, "", "ImplicitlyDenied session"},
		"session and identity":             {sessions, policies{identity: allowAll, session: allowS3}, session, "", "Allowed"},
		"all three":                        {sessions, policies{identity: allowAll, boundary: allowSQS, session: allowS3}, session, "", "ImplicitlyDenied boundary"},
		"resource names the user":          {logic, policies{resource: to(aws(userARN))}, user, "", "Allowed"},
		"user, and a boundary":             {boundaries, policies{resource: to(aws(userARN)), boundary: allowSQS}, user, "", "Allowed"},
		"resource names the role":          {logic, policies{resource: to(aws(roleARN))}, session, "", "Allowed"},
		"role, and a boundary":             {boundaries, policies{resource: to(aws(roleARN)), boundary: allowSQS}, session, "", "ImplicitlyDenied boundary"},
		"role, and a session policy":       {boundaries, policies{resource: to(aws(roleARN)), session: allowSQS}, session, "", "ImplicitlyDenied session"},
		"resource names the session":       {logic, policies{resource: to(aws(sessionARN)), boundary: allowSQS, session: allowSQS}, session, "", "Allowed"},
		"resource names the account only":  {named, policies{resource: to(aws(home))}, user, "", "ImplicitlyDenied identity"},
		"resource names everyone":          {named, policies{resource: to(`"*"`)}, user, "", "Allowed"},
		"everyone by AWS":                  {named, policies{resource: to(aws("*"))}, user, "", "Allowed"},
		"everyone, and a boundary":         {boundaries, policies{resource: to(`"*"`), boundary: allowSQS}, user, "", "ImplicitlyDenied boundary"},
		"part of a name is no wildcard":    {named, policies{resource: to(aws("arn:aws:iam::" + home + ":user/*"))}, user, "", "ImplicitlyDenied identity"},
		"deny by the resource":             {logic, policies{identity: allowAll, resource: `{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}`}, user, "", "ExplicitlyDenied resource"},
		"other account, identity only":     {crossLogic, policies{identity: allowAll}, user, other, "ImplicitlyDenied resource"},
		"other account, resource only":     {crossLogic, policies{resource: to(aws(userARN))}, user, other, "ImplicitlyDenied identity"},
		"other account, both":              {crossLogic, policies{identity: allowAll, resource: to(aws(userARN))}, user, other, "Allowed"},
		"other account, by account":        {crossLogic, policies{identity: allowAll, resource: to(aws(home))}, user, other, "Allowed"},
		"other account, by root's ARN":     {crossLogic, policies{identity: allowAll, resource: to(aws(root))}, user, other, "Allowed"},
		"other account, boundary":          {crossLogic, policies{identity: allowAll, boundary: allowSQS, resource: to(aws(userARN))}, user, other, "ImplicitlyDenied boundary"},
		"service":                          {named, policies{resource: to(`{"Service":"ec2.amazonaws.com"}`)}, service, "", "Allowed"},
		"another service principal":        {named, policies{resource: to(`{"Service":"ssm.amazonaws.com"}`)}, service, "", "ImplicitlyDenied resource"},
		"a service of the user's name":     {named, policies{resource: to(`{"Service":"` + userARN + `"}`)}, user, "", "ImplicitlyDenied identity"},
		"anonymous":                        {named, policies{resource: to(`"*"`)}, iam.Principal{Kind: iam.PrincipalAnonymous}, "", "Allowed"},
		"anonymous is not named":           {named, policies{resource: to(aws(home))}, iam.Principal{Kind: iam.PrincipalAnonymous}, "", "ImplicitlyDenied resource"},
		"spared user":                      {notNamed, policies{identity: allowAll, resource: exempt(`"` + home + `","` + userARN + `"`)}, user, "", "Allowed"},
		"spared user without account":      {notNamed, policies{identity: allowAll, resource: exempt(`"` + userARN + `"`)}, user, "", "ExplicitlyDenied resource"},
		"spared session":                   {notNamed, policies{identity: allowAll, resource: exempt(`"` + root + `","` + roleARN + `","` + sessionARN + `"`)}, session, "", "Allowed"},
		"spared session without role":      {notNamed, policies{identity: allowAll, resource: exempt(`"` + root + `","` + sessionARN + `"`)}, session, "", "ExplicitlyDenied resource"},
		"never spared with a boundary":     {boundaries, policies{identity: allowAll, boundary: allowAll, resource: exempt(`"` + home + `","` + userARN + `"`)}, user, "", "ExplicitlyDenied resource"},
		"deny that names nobody":           {named, policies{identity: allowAll, resource: denyGet}, user, "", "ExplicitlyDenied resource"},
		"allow that names nobody":          {named, policies{resource: allowAll}, user, "", "ImplicitlyDenied identity"},
		"allowed to all but another":       {notNamed, policies{resource: `{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":{"AWS":"` + roleARN + `"}}`}, user, "", "Allowed"},
		"allowed to all but this":          {notNamed, policies{resource: `{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":{"AWS":"` + userARN + `"}}`}, user, "", "ImplicitlyDenied identity"},
		"the role itself is not a session": {boundaries, policies{resource: to(aws(roleARN)), boundary: allowSQS}, iam.Principal{ARN: roleARN, Account: home}, "", "ImplicitlyDenied boundary"},
	})
}

func TestTrust(t *testing.T) {
	t.Parallel()
	const (
		assume = "id_roles_update-role-trust-policy.html"
		logic  = "reference_policies_evaluation-logic.html"
		cross  = "reference_policies_evaluation-logic-cross-account.html"
		oidc   = "id_roles_providers_create_oidc.html"
		pass   = "id_roles_create_for-service.html"
	)
	federated := `{"Federated":"` + provider + `"}`
	runLayers(t, "sts:AssumeRole", "arn:aws:iam::"+home+":role/slipway/web-dev-Deploy", map[string]layerTest{
		"identity alone":                  {assume, policies{identity: assumeAny, trust: trusts(aws(other))}, user, "", "ImplicitlyDenied trust"},
		"an empty trust policy":           {assume, policies{identity: assumeAny, trust: `{"Effect":"Deny","Action":"s3:*","Principal":"*"}`}, user, "", "ImplicitlyDenied trust"},
		"names the user":                  {logic, policies{trust: trusts(aws(userARN))}, user, "", "Allowed"},
		"names the role":                  {logic, policies{trust: trusts(aws(roleARN))}, session, "", "Allowed"},
		"names the session":               {logic, policies{trust: trusts(aws(sessionARN))}, session, "", "Allowed"},
		"names the account":               {logic, policies{trust: trusts(aws(home))}, user, "", "ImplicitlyDenied identity"},
		"names root":                      {logic, policies{trust: trusts(aws("arn:aws:iam::" + home + ":root"))}, user, "", "ImplicitlyDenied identity"},
		"names the account, and identity": {logic, policies{identity: assumeAny, trust: trusts(aws(home))}, user, "", "Allowed"},
		"names everyone":                  {logic, policies{trust: trusts(`"*"`)}, user, "", "ImplicitlyDenied identity"},
		"names everyone, and identity":    {logic, policies{identity: assumeAny, trust: trusts(`"*"`)}, user, "", "Allowed"},
		"names the role, boundary":        {logic, policies{trust: trusts(aws(roleARN)), boundary: allowS3}, session, "", "ImplicitlyDenied boundary"},
		"other account, trust only":       {cross, policies{trust: trusts(aws(userARN))}, user, other, "ImplicitlyDenied identity"},
		"other account, both":             {cross, policies{identity: assumeAny, trust: trusts(aws(userARN))}, user, other, "Allowed"},
		"web identity":                    {oidc, policies{trust: trusts(federated)}, github, "", "Allowed"},
		"web identity, other provider":    {oidc, policies{trust: trusts(`{"Federated":"accounts.google.com"}`)}, github, "", "ImplicitlyDenied trust"},
		"web identity by account":         {oidc, policies{trust: trusts(aws(home))}, github, "", "ImplicitlyDenied trust"},
		"everyone is no web identity":     {oidc, policies{trust: trusts(`"*"`)}, github, "", "ImplicitlyDenied trust"},
		"web identity has no identity":    {oidc, policies{identity: assumeAny, trust: trusts(aws(userARN))}, github, "", "ImplicitlyDenied trust"},
		"web identity denied to everyone": {oidc, policies{trust: trusts(federated) + `,{"Effect":"Deny","Action":"*","Principal":"*"}`}, github, "", "ExplicitlyDenied trust"},
		"service":                         {pass, policies{trust: trusts(`{"Service":["ssm.amazonaws.com","ec2.amazonaws.com"]}`)}, service, "", "Allowed"},
		"a resource policy does not help": {logic, policies{trust: trusts(aws(home)), resource: `{"Effect":"Allow","Action":"*","Resource":"*","Principal":{"AWS":"` + userARN + `"}}`}, user, "", "ImplicitlyDenied identity"},
		"denied by identity":              {logic, policies{identity: `{"Effect":"Deny","Action":"sts:*","Resource":"*"}`, trust: trusts(aws(userARN))}, user, "", "ExplicitlyDenied identity"},
	})
}

// TestOwnerOfTheResource shows that a resource of another account is noticed even when the request does not say so.
func TestOwnerOfTheResource(t *testing.T) {
	t.Parallel()
	set := policies{identity: allowAll}.compile(t)
	tests := map[string]struct {
		resource, account string
		want              bool
	}{
		"own":                     {"arn:aws:sqs:eu-west-1:" + home + ":q", "", true},
		"in the ARN":              {"arn:aws:sqs:eu-west-1:" + other + ":q", "", false},
		"said by the request":     {"arn:aws:s3:::b", other, false},
		"the request's word wins": {"arn:aws:sqs:eu-west-1:" + other + ":q", home, true},
		"no account":              {"arn:aws:ssm:eu-west-1::document/AWS-RunShellScript", "", true},
		"AWS's own":               {"arn:aws:iam::aws:policy/ReadOnlyAccess", "", true},
		"everything":              {"*", "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &iam.Request{Principal: iam.Principal{ARN: userARN}, Action: "a:b", Resource: tt.resource, Account: tt.account}
			if got := set.Allowed(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestActionsAndResources(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statement, action, resource string
		want                        bool
	}{
		"actions have no case":         {`"Action":"SSM:sendcommand","Resource":"*"`, "ssm:SendCommand", "*", true},
		"resources have case":          {`"Action":"*","Resource":"arn:aws:s3:::B"`, "s3:GetObject", "arn:aws:s3:::b", false},
		"star spans slash and colon":   {`"Action":"*","Resource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::b/x/y:z", true},
		"star is needed":               {`"Action":"*","Resource":"arn:aws:s3:::b"`, "s3:GetObject", "arn:aws:s3:::b/x", false},
		"ARN pattern is no star":       {`"Action":"*","Resource":"arn:aws:ssm:*:*:*"`, "ssm:GetCommandInvocation", "*", false},
		"star matches no resource":     {`"Action":"*","Resource":"*"`, "ssm:GetCommandInvocation", "*", true},
		"question mark":                {`"Action":"ec2:Describe?pcs","Resource":"*"`, "ec2:DescribeVpcs", "*", true},
		"NotAction, other":             {`"NotAction":"iam:*","Resource":"*"`, "ssm:SendCommand", "*", true},
		"NotAction, listed":            {`"NotAction":["s3:*","iam:*"],"Resource":"*"`, "IAM:PassRole", "*", false},
		"NotResource, other":           {`"Action":"*","NotResource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::c", true},
		"NotResource, listed":          {`"Action":"*","NotResource":"arn:aws:s3:::b*"`, "s3:GetObject", "arn:aws:s3:::b/x", false},
		"NotResource, absent variable": {`"Action":"*","NotResource":"arn:aws:s3:::${aws:username}"`, "s3:GetObject", "arn:aws:s3:::b", true},
		"absent variable":              {`"Action":"*","Resource":"arn:aws:s3:::${aws:username}"`, "s3:GetObject", "arn:aws:s3:::${aws:username}", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := policies{identity: `{"Effect":"Allow",` + tt.statement + `}`}.compile(t)
			if got := set.Allowed(&iam.Request{Principal: user, Action: tt.action, Resource: tt.resource}); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestVersionDecidesOnVariables follows
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html.
func TestVersionDecidesOnVariables(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version, resource string
		want              bool
	}{
		"2012, value":   {`"Version":"2012-10-17",`, "arn:aws:s3:::ann", true},
		"2012, literal": {`"Version":"2012-10-17",`, "arn:aws:s3:::${aws:username}", false},
		"2008, value":   {`"Version":"2008-10-17",`, "arn:aws:s3:::ann", false},
		"2008, literal": {`"Version":"2008-10-17",`, "arn:aws:s3:::${aws:username}", true},
		"none, literal": {``, "arn:aws:s3:::${aws:username}", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := iam.ParsePolicy("p", []byte(`{`+tt.version+
				`"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:username}"}}`))
			if err != nil {
				t.Fatal(err)
			}
			set := iam.PolicySet{Identity: []*iam.Policy{p}}
			r := &iam.Request{
				Principal: user, Action: "s3:GetObject", Resource: tt.resource,
				Context: iam.NewContext(map[string][]string{"AWS:username": {"ann"}}),
			}
			if got := set.Allowed(r); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDecisiveStatements(t *testing.T) {
	t.Parallel()
	set := policies{
		identity: allowS3 + `,{"Sid":"Get","Effect":"Allow","Action":"s3:Get*","Resource":"*"},` + allowSQS,
		boundary: `{"Sid":"Limit","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"NoPut","Effect":"Deny","Action":"s3:Put*","Resource":"*"}`,
	}.compile(t)
	ref := func(policy, statement string, index int, effect iam.Effect, column int) iam.StatementRef {
		return iam.StatementRef{
			Policy: policy, Statement: statement, Index: index, Effect: effect, Pos: iam.Position{Line: 1, Column: column},
		}
	}
	tests := map[string]iam.Decision{
		"s3:GetObject": {Outcome: iam.Allowed, Decisive: []iam.StatementRef{
			ref("identity", "0", 0, iam.Allow, 38), ref("identity", "Get", 1, iam.Allow, 88), ref("boundary", "Limit", 0, iam.Allow, 38),
		}},
		"s3:PutObject": {Outcome: iam.ExplicitlyDenied, Layer: iam.LayerBoundary, Decisive: []iam.StatementRef{
			ref("boundary", "NoPut", 1, iam.Deny, 99),
		}},
		"ssm:SendCommand": {Outcome: iam.ImplicitlyDenied, Layer: iam.LayerIdentity},
	}
	for action, want := range tests {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			got := set.Evaluate(&iam.Request{Principal: user, Action: action, Resource: "arn:aws:s3:::b"})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStatementsAreNotShared shows that growing one decision's list leaves the policy as it is.
func TestStatementsAreNotShared(t *testing.T) {
	t.Parallel()
	set := policies{identity: allowS3}.compile(t)
	r := &iam.Request{Principal: user, Action: "s3:GetObject", Resource: "*"}
	first := set.Evaluate(r)
	_ = append(first.Decisive, iam.StatementRef{Policy: "intruder"})
	if second := set.Evaluate(r); len(second.Decisive) != 1 || second.Decisive[0].Policy != "identity" {
		t.Errorf("got %v", second.Decisive)
	}
}

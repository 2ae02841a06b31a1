package iam_test

import (
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/iam"
)

// The generators draw from small sets, so that statements and requests meet often.

const (
	home  = "111122223333"
	other = "444455556666"

	userARN        = "arn:aws:iam::" + home + ":user/ann"
	roleARN        = "arn:aws:iam::" + home + ":role/ci/Deploy"
	sessionARN     = "arn:aws:sts::" + home + ":assumed-role/Deploy/run"
	drawnRoot      = "arn:aws:iam::" + home + ":root"
	drawnFederated = "arn:aws:sts::" + home + ":federated-user/temp"
	drawnLinked    = "arn:aws:iam::" + home + ":role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
	drawnLinkedRun = "arn:aws:sts::" + home + ":assumed-role/AWSServiceRoleForAmazonSSM/run"
	provider       = "arn:aws:iam::" + home + ":oidc-provider/token.actions.githubusercontent.com"
	drawnCanonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"

	drawnKey     = "arn:aws:kms:eu-west-1:" + home + ":key/1234abcd"
	drawnRole    = "arn:aws:iam::" + home + ":role/Target"
	drawnQueue   = "arn:aws:sqs:eu-west-1:" + home + ":jobs"
	drawnCommand = "arn:aws:ssm:eu-west-1:" + home + ":document/d"
)

var (
	actions = []string{
		"*", "ssm:SendCommand", "ssm:sendcommand", "SSM:*", "ssm:Get*", "ssm:?etParameter", "s3:GetObject", "s3:*Object", "*:Send*",
		"sts:*", "sts:AssumeRole", "kms:*", "kms:Retire*", "sqs:SendMessage",
	}
	resources = []string{
		"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/${aws:username, 'all'}", "arn:aws:s3:::b/${*}",
		"arn:*:s3:*:b/a?n", "arn:aws:s3:::b/*n*/*", "arn:aws:ssm:*:" + home + ":document/*", "arn:aws:s3:::B/*", "arn:aws:sqs:*",
		"arn:aws:*:" + home + ":*", "arn:aws:kms:eu-*1:" + home + ":key/*", "arn:aws:iam::*:role/*", "arn:aws:*s:*", "arn:aws:?qs:*:jobs",
		"arn:aws:s*s:*", "arn:*1:" + home + ":jobs", "arn:aws:sqs:e*:jobs", "arn:aws:sqs:${k:one}*:jobs",
	}
	principals = []string{
		"*", roleARN, home, userARN, other, drawnRoot, roleARN, sessionARN, drawnFederated, drawnLinked, drawnLinkedRun, "arn:aws:iam::" + home + ":user/*",
	}
	texts = []string{"ann", "Ann", "a*", "?nn", "${aws:username}", "${k:list, 'ann'}", "", "é", "É", "${k:one}", "x${*}"}
)

// The values that each family of operators takes.
var families = []struct{ operators, values []string }{
	{[]string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"}, texts},
	{[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
		[]string{"0", "-1", "1", "1.50", "007", "10"}},
	{[]string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
		[]string{"2026-01-01T00:00:00Z", "1767225600", "2026-01-01T01:00:00+01:00", "2027-01-01T00:00:00.5Z", "2026", "2026-01-01"}},
	{[]string{"Bool"}, []string{"true", "false", "True"}},
	{[]string{"BinaryEquals"}, []string{"QmluYXJ5", "eA=="}},
	{[]string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0"}},
	{[]string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
		[]string{"*", "arn:aws:s3:::b", "arn:*:s3:::*", "arn:aws:sns:*:*:t?pic", "arn:aws:iam::1:user/${aws:username}", "arn:*:*:*:*:topic"}},
}

// allOperators are the operators of all families, and Null.
func allOperators() []string {
	out := []string{"Null"}
	for _, f := range families {
		out = append(out, f.operators...)
	}
	return out
}

var contextValues = []string{
	"ann", "ANN", "a*", "", "é", "É", "1", "1.5", "-1", "7", "true", "false", "10.1.2.3", "2001:db8::1", "192.0.2.1", "x*", "QmluYXJ5",
	"2026-01-01T00:00:00Z", "1767225600", "arn:aws:s3:::b", "arn:aws:sns:eu-west-1:1:topic", "arn:aws:iam::1:user/ann", "x", "eu",
}

var keys = []string{"aws:username", "k:one", "k:list"}

func some(t *rapid.T, label string, from []string, atLeast int) []string {
	return rapid.SliceOfN(rapid.SampledFrom(from), atLeast, 3).Draw(t, label)
}

// often is true that many times of ten.
func often(t *rapid.T, label string, times int) bool {
	return rapid.SampledFrom([]int{5, 3, 8, 1, 9, 0, 6, 2, 7, 4}).Draw(t, label) < times
}

func drawConditions(t *rapid.T) []iam.Condition {
	var out []iam.Condition
	seen := map[[2]string]bool{}
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 1, 2}).Draw(t, "conditions") {
		family := rapid.SampledFrom(families).Draw(t, "family")
		c := iam.Condition{
			Operator: rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") +
				rapid.SampledFrom(family.operators).Draw(t, "operator") +
				rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "suffix"),
			Key:    rapid.SampledFrom(keys).Draw(t, "key"),
			Values: some(t, "values", family.values, 0),
		}
		if often(t, "null", 1) {
			c.Operator, c.Values = "Null", some(t, "absent", []string{"true", "false"}, 1)[:1]
		}
		if id := [2]string{c.Operator, c.Key}; !seen[id] {
			seen[id] = true
			out = append(out, c)
		}
	}
	return out
}

func drawPrincipals(t *rapid.T) []iam.PrincipalPattern {
	named := iam.PrincipalPattern{Kind: iam.KindAWS, Values: rapid.SliceOfN(rapid.SampledFrom(principals), 1, 2).Draw(t, "aws")}
	switch rapid.IntRange(0, 6).Draw(t, "principals") {
	case 0:
		return []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}
	case 1:
		return []iam.PrincipalPattern{{Kind: iam.KindFederated, Values: []string{provider}}, named}
	case 2:
		return []iam.PrincipalPattern{{Kind: iam.KindService, Values: []string{"ec2.amazonaws.com"}}, named}
	case 3:
		return []iam.PrincipalPattern{{Kind: iam.KindCanonicalUser, Values: []string{drawnCanonical}}}
	default:
		return []iam.PrincipalPattern{named}
	}
}

// namesPrincipals says whether the policies of a layer name their principals.
func namesPrincipals(layer iam.Layer) bool {
	switch layer {
	case iam.LayerTrust, iam.LayerResource, iam.LayerRCP, iam.LayerEndpoint:
		return true
	default:
		return false
	}
}

// drawStatement draws a statement that AWS would accept in a policy of the layer.
func drawStatement(t *rapid.T, layer iam.Layer) iam.Statement {
	st := iam.Statement{
		Sid:        rapid.SampledFrom([]string{"", "One", "Two"}).Draw(t, "sid"),
		Effect:     rapid.SampledFrom([]iam.Effect{iam.Allow, iam.Allow, iam.Deny}).Draw(t, "effect"),
		Conditions: drawConditions(t),
	}
	if list := some(t, "actions", actions, 1); often(t, "notaction", 2) {
		st.NotActions = list
	} else {
		st.Actions = list
	}
	if list := some(t, "resources", resources, 1); often(t, "notresource", 2) {
		st.NotResources = list
	} else {
		st.Resources = list
	}
	switch {
	case !namesPrincipals(layer):
	case layer >= iam.LayerRCP && often(t, "everyone", 8):
		st.Principals = []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}
	case often(t, "notprincipal", 2):
		st.NotPrincipals = drawPrincipals(t)
	default:
		st.Principals = drawPrincipals(t)
	}
	return st
}

// drawDocument draws an identity policy, or one that names its principals.
func drawDocument(t *rapid.T, attached bool) *iam.Document {
	if attached {
		return drawPolicy(t, iam.LayerResource)
	}
	return drawPolicy(t, iam.LayerIdentity)
}

func drawPolicy(t *rapid.T, layer iam.Layer) *iam.Document {
	d := &iam.Document{
		Name:    "doc",
		Version: rapid.SampledFrom([]string{iam.Version2012, iam.Version2012, iam.Version2008, ""}).Draw(t, "version"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "statements") {
		d.Statements = append(d.Statements, drawStatement(t, layer))
	}
	if often(t, "allows all", wide[layer]) {
		all := iam.Statement{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}
		switch {
		case layer == iam.LayerTrust, layer == iam.LayerResource:
			all.Principals = drawPrincipals(t)
		case namesPrincipals(layer):
			all.Principals = []iam.PrincipalPattern{{Kind: iam.AnyPrincipal}}
		}
		d.Statements = append(d.Statements, all)
	}
	return d
}

// wide says how often of ten a policy of the layer begins with everything, as those that only limit do in practice.
var wide = map[iam.Layer]int{
	iam.LayerIdentity: 5, iam.LayerBoundary: 7, iam.LayerSession: 7, iam.LayerTrust: 7, iam.LayerResource: 7,
	iam.LayerSCP: 8, iam.LayerRCP: 8, iam.LayerEndpoint: 7,
}

// present says how often of ten a request meets policies of the layer.
var present = map[iam.Layer]int{
	iam.LayerIdentity: 9, iam.LayerBoundary: 2, iam.LayerSession: 2, iam.LayerTrust: 2, iam.LayerResource: 4,
	iam.LayerSCP: 3, iam.LayerRCP: 4, iam.LayerEndpoint: 2,
}

// drawDocuments draws what applies to a request, by layer and level.
func drawDocuments(t *rapid.T) documents {
	docs := documents{}
	for layer := iam.LayerIdentity; layer <= iam.LayerEndpoint; layer++ {
		if !often(t, layer.String(), present[layer]) {
			continue
		}
		levels, policies := 1, 1
		switch layer {
		case iam.LayerSCP, iam.LayerRCP:
			levels, policies = rapid.IntRange(0, 3).Draw(t, "levels"), 2
		case iam.LayerIdentity, iam.LayerSession:
			policies = 2
		}
		docs[layer] = make([][]*iam.Document, levels)
		for i := range levels {
			for range rapid.IntRange(1, policies).Draw(t, "policies") {
				docs[layer][i] = append(docs[layer][i], drawPolicy(t, layer))
			}
		}
	}
	return docs
}

// drawnCallers are all kinds of principal.
var drawnCallers = []iam.Principal{
	{ARN: userARN, Account: home},
	{ARN: userARN, Account: home, CanonicalID: drawnCanonical},
	{ARN: sessionARN, RoleARN: roleARN, Account: home},
	{ARN: sessionARN, RoleARN: roleARN},
	{ARN: sessionARN, RoleARN: "arn:aws:iam::" + home + ":role/Deploy", Account: home},
	{ARN: drawnFederated, RoleARN: userARN, Account: home},
	{ARN: drawnLinkedRun, RoleARN: drawnLinked, Account: home},
	{ARN: roleARN, Account: home},
	{ARN: drawnRoot, Account: home},
	{Kind: iam.PrincipalFederated, ARN: provider, Account: home},
	{Kind: iam.PrincipalService, ARN: "ec2.amazonaws.com"},
	{Kind: iam.PrincipalAnonymous},
}

// drawnCalls are actions with resources that suit them.
var drawnCalls = []struct {
	action    string
	resources []string
}{
	{"s3:GetObject", []string{"arn:aws:s3:::b/ann", "arn:aws:s3:::b/ann/x", "arn:aws:s3:::b/all", "arn:aws:s3:::b/*"}},
	{"ssm:SendCommand", []string{drawnCommand, "*"}},
	{"sqs:SendMessage", []string{drawnQueue}},
	{"kms:Decrypt", []string{drawnKey}},
	{"sts:AssumeRole", []string{drawnRole}},
	{"S3:PutObject", []string{"arn:aws:s3:::b/ann"}},
	{"kms:RetireGrant", []string{drawnKey}},
	{"sts:GetCallerIdentity", []string{"*"}},
	{"ssm:GetParameter", []string{"arn:aws:ssm:eu-west-1:" + other + ":parameter/p"}},
}

func drawRequest(t *rapid.T) *iam.Request {
	context := map[string][]string{}
	for _, key := range keys {
		if n := rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(t, "values"); n > 0 {
			context[key] = rapid.SliceOfN(rapid.SampledFrom(contextValues), n, n).Draw(t, key)
		}
	}
	call := rapid.SampledFrom(drawnCalls).Draw(t, "call")
	return &iam.Request{
		Principal: rapid.SampledFrom(drawnCallers).Draw(t, "principal"),
		Action:    call.action,
		Resource:  rapid.SampledFrom(call.resources).Draw(t, "resource"),
		Account:   rapid.SampledFrom([]string{home, "", home, other, home}).Draw(t, "account"),
		Context:   iam.NewContext(context),
	}
}

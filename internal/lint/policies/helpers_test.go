package policies

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

const account = "111122223333"

// policyOf is a policy with statements in JSON.
func policyOf(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ",\n") + `]}`
}

// allow is a statement. Lists are written with commas between.
func allow(actions, resources string, more ...string) string {
	return statementOf("Allow", actions, resources, more...)
}

func statementOf(effect, actions, resources string, more ...string) string {
	quote := func(list string) string { return `["` + strings.Join(strings.Split(list, ","), `","`) + `"]` }
	text := `{"Effect": "` + effect + `", "Action": ` + quote(actions) + `, "Resource": ` + quote(resources)
	for _, m := range more {
		text += ", " + m
	}
	return text + "}"
}

// trustIn is a trust policy for services and for principals of AWS.
func trustIn(services string, people ...string) string {
	principal := `{"Service": ["` + strings.Join(strings.Split(services, ","), `","`) + `"]`
	if services == "" {
		principal = `{"AWS": ["` + strings.Join(people, `","`) + `"]`
	} else if len(people) > 0 {
		principal += `, "AWS": ["` + strings.Join(people, `","`) + `"]`
	}
	return policyOf(`{"Effect": "Allow", "Principal": ` + principal + `}, "Action": "sts:AssumeRole"}`)
}

// codesFound are the codes found, sorted, each once.
func codesFound(found []finding.Finding) []string {
	var codes []string
	for _, f := range found {
		codes = append(codes, string(f.Code))
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// everyCode are the codes found in a policy, as often as they are found.
func everyCode(policy string) []string {
	var codes []string
	for _, f := range File("policy.json", []byte(policy)) {
		codes = append(codes, string(f.Code))
	}
	return codes
}

// has wants a code to be found in a policy, once or more.
func has(t *testing.T, code, policy string) finding.Finding {
	t.Helper()
	return find(t, code, File("policy.json", []byte(policy)))
}

func find(t *testing.T, code string, found []finding.Finding) finding.Finding {
	t.Helper()
	for _, f := range found {
		if string(f.Code) == code {
			return f
		}
	}
	t.Errorf("no %s in %v", code, found)
	return finding.Finding{}
}

// lacks wants a code not to be found in a policy.
func lacks(t *testing.T, code, policy string) {
	t.Helper()
	without(t, code, File("policy.json", []byte(policy)))
}

func without(t *testing.T, code string, found []finding.Finding) {
	t.Helper()
	for _, f := range found {
		if string(f.Code) == code {
			t.Errorf("found %v", f)
		}
	}
}

// silent wants nothing to be found in a policy.
func silent(t *testing.T, policy string) {
	t.Helper()
	if found := File("policy.json", []byte(policy)); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// folder lints roles, given their files by name below the account: Role/trust, Role/policy-x, Role/attached.
func folder(files map[string]string) []finding.Finding {
	contents := map[string][]byte{}
	var names []string
	for name, text := range files {
		if !strings.Contains(name[:1], "0") { // an account of its own begins with a zero
			name = account + "/" + name
		}
		contents[name+".json"] = []byte(text)
		names = append(names, name+".json")
	}
	slices.Sort(names)
	return InFolder(contents, names)
}

// attachedOf is a list of AWS's managed policies.
func attachedOf(names ...string) string {
	return `["arn:aws:iam::aws:policy/` + strings.Join(names, `", "arn:aws:iam::aws:policy/`) + `"]`
}

const (
	document  = "arn:aws:ssm:eu-west-1:111122223333:document/shop-release"
	oneNode   = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1234567890abcdef0"
	everyNode = "arn:aws:ec2:eu-west-1:111122223333:instance/*"
	deployer  = "arn:aws:iam::999900001111:role/tools"
)

// messages are the statements that every node needs.
var messages = allow("ssm:UpdateInstanceInformation", everyNode) + "," +
	allow("ssmmessages:CreateControlChannel,ssmmessages:OpenControlChannel,ec2messages:GetMessages,ec2messages:AcknowledgeMessage,ec2messages:SendReply,ec2messages:FailMessage", "*")

var logs = allow("logs:CreateLogGroup,logs:CreateLogStream,logs:DescribeLogStreams,logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/shop/*")

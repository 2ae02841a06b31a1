package proof

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

func TestWhatTheReleaseDoesNotSayIsUndecided(t *testing.T) {
	t.Parallel()
	deny := func(condition string) string {
		return `{"Sid": "Limits", "Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*", "Condition": {` + condition + `}}`
	}
	tests := map[string]struct {
		statement string
		want      Verdict
		key       string
	}{
		"an address":           {deny(`"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}`), Undecided, "aws:SourceIp"},
		"a time":               {deny(`"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}`), Undecided, "aws:CurrentTime"},
		"tags of a named node": {deny(`"StringEquals": {"aws:ResourceTag/Env": "prod"}`), Undecided, "aws:ResourceTag/Env"},
		"a variable":           {deny(`"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalTag/team}"}`), Undecided, "aws:PrincipalTag/team"},
		"another region":       {deny(`"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}`), Proved, ""},
		"this region":          {deny(`"StringEquals": {"aws:RequestedRegion": "us-east-1"}`), Refuted, ""},
		"without TLS":          {deny(`"Bool": {"aws:SecureTransport": "false"}`), Proved, ""},
		"an address nearby": {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*",
			"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}`, Proved, ""},
		"a variable in a resource": {`{"Effect": "Deny", "Action": "ssm:SendCommand",
			"Resource": "arn:aws:ec2:*:*:instance/${aws:PrincipalTag/node}"}`, Undecided, "aws:PrincipalTag/node"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := prove(t, trapPlan(t), deployWith(t, test.statement))
			c := resultOf(t, r, sendToTrap)
			if c.Verdict != test.want || test.key != "" && !strings.Contains(c.Why, "it depends on "+test.key) {
				t.Errorf("got %+v", c)
			}
			if want := map[Verdict]int{Proved: 0, Refuted: 1, Undecided: 3}[test.want]; r.Exit() != want {
				t.Errorf("exit %d", r.Exit())
			}
			if test.want == Undecided && (!strings.HasPrefix(r.Text(), "undecided: 1 of") || !strings.Contains(r.Text(), test.key)) {
				t.Errorf("text:\n%s", r.Text())
			}
		})
	}
}

func TestR051TagConditionsAreDecidedForANodeThatHasTheTags(t *testing.T) {
	t.Parallel()
	node := func(condition string) string {
		return `{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ec2:*:*:instance/*"` + condition + `}`
	}
	id := func(id string) string {
		return `{"Sid": "ById", "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ec2:eu-west-1:111111111111:instance/` + id + `"}`
	}
	when := func(key string, values string) string {
		return `, "Condition": {"StringEquals": {"` + key + `": ` + values + `}}`
	}
	const doc = `{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release"}`
	tests := map[string]struct {
		statements []string
		want       Verdict
	}{
		"the tag":           {[]string{doc, node(when("ssm:resourceTag/App", `"web"`))}, Proved},
		"every value":       {[]string{doc, node(when("ssm:resourceTag/Env", `["dev", "all"]`))}, Proved},
		"one value of two":  {[]string{doc, node(when("ssm:resourceTag/Env", `"dev"`))}, Refuted},
		"another tag":       {[]string{doc, node(when("ssm:resourceTag/Team", `"a"`))}, Undecided},
		"another tag's key": {[]string{doc, node(when("aws:ResourceTag/Team", `"a"`))}, Undecided},
		"another value":     {[]string{doc, node(when("ssm:resourceTag/App", `"shop"`))}, Refuted},
		"no tag name":       {[]string{doc, node(when("ssm:resourceTag", `"web"`))}, Refuted},
		"any node":          {[]string{doc, node("")}, Proved},
		"another tag denied": {[]string{doc, node(""), `{"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "arn:aws:ec2:*:*:instance/*",
			"Condition": {"StringEquals": {"aws:ResourceTag/Frozen": "true"}}}`}, Undecided},
		"a tag demanded": {[]string{doc, node(""), `{"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "arn:aws:ec2:*:*:instance/*",
			"Condition": {"Null": {"aws:ResourceTag/Approved": "true"}}}`}, Undecided},
		"a key AWS does not give denied": {[]string{doc, node(""), `{"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*",
			"Condition": {"StringEquals": {"ec2:ResourceTag/Frozen": "true"}}}`}, Proved},
		"on the document":   {[]string{`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"` + when("ssm:resourceTag/App", `"web"`) + `}`}, Refuted},
		"one named node":    {[]string{doc, id("i-1234567890abcdef0")}, Undecided},
		"a pattern of them": {[]string{doc, id("i-12*")}, Undecided},
		"all and one named": {[]string{doc, node(""), id("i-1234567890abcdef0")}, Proved},
		"all but one": {[]string{doc, node(""), `{"Sid": "NotThis", "Effect": "Deny", "Action": "ssm:SendCommand",
			"Resource": "arn:aws:ec2:eu-west-1:111111111111:instance/i-1234567890abcdef0"}`}, Undecided},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webPlan(t)
			roles := granted(t, p)
			for i := range roles {
				if strings.HasSuffix(roles[i].Name, "Deploy") {
					d := roles[i].Policies[0]
					d.Statements = slices.DeleteFunc(d.Statements, func(st iam.Statement) bool {
						return slices.Contains(st.Actions, "ssm:SendCommand")
					})
					roles[i].Policies = append(roles[i].Policies, document(t, "policy-send.json",
						`{"Version": "2012-10-17", "Statement": [`+strings.Join(test.statements, ",")+`]}`))
				}
			}
			c := resultOf(t, prove(t, p, roles), sendToWeb)
			if c.Verdict != test.want {
				t.Errorf("got %+v", c)
			}
			if strings.Contains(c.Why+strings.Join(c.Nearest, ""), representative) {
				t.Errorf("an instance that does not exist is told: %+v", c)
			}
			if test.want == Undecided && !strings.Contains(c.Why, "which instances carry the tags App=web, Env=dev|all") &&
				!strings.Contains(c.Why, "it depends on ssm:resourceTag/Team, which") &&
				!strings.Contains(c.Why, "it depends on aws:ResourceTag/") {
				t.Errorf("what is missing is not told: %s", c.Why)
			}
		})
	}
}

func TestATagConditionOnAnActionWithoutTagsIsRefuted(t *testing.T) {
	t.Parallel()
	roles := trapRoles(t, "policy-full.json")
	st := &roles[0].Policies[0].Statements[1]
	st.Conditions = []iam.Condition{{Operator: "StringEquals", Key: "ssm:resourceTag/App", Values: []string{"synap"}}}
	c := resultOf(t, prove(t, trapPlan(t), roles), getInvocation)
	if c.Verdict != Refuted || len(c.Nearest) == 0 || !strings.Contains(c.Nearest[0], "on condition that ssm:resourceTag/App") {
		t.Errorf("AWS gives the action no such key: got %+v", c)
	}
}

func TestSendCommandOnGlobalConditionsIsWarnedAbout(t *testing.T) {
	t.Parallel()
	const region = `"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}`
	const viaService = `{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*", "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}`
	tests := map[string]struct {
		statements string
		warnings   int
	}{
		"none":                  {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}`, 0},
		"a region":              {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*", ` + region + `}`, 2},
		"a region, as AWS says": {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*", ` + region + `}, ` + viaService, 0},
		"other regions denied": {`{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}, {"Effect": "Deny", "Action": "*",
			"Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}}`, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := deployWith(t, test.statements)
			roles[0].Policies[0].Statements = roles[0].Policies[0].Statements[1:]
			c := resultOf(t, prove(t, trapPlan(t), roles), sendToTrap)
			if c.Verdict != Proved || len(c.Warnings) != test.warnings {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestR051OnlyKeysThatAWSGivesCount(t *testing.T) {
	t.Parallel()
	when := func(key string) string {
		return `{"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*", "Condition": {"StringEquals": {"` + key + `": "x"}}}`
	}
	for key, want := range map[string]Verdict{
		"ssm:resourceTag/App": Undecided, "aws:ResourceTag/App": Undecided,
		"ec2:ResourceTag/App": Proved, // a key of EC2's own actions
	} {
		c := resultOf(t, prove(t, trapPlan(t), deployWith(t, when(key))), sendToTrap)
		if c.Verdict != want {
			t.Errorf("%s: got %+v", key, c)
		}
	}
}

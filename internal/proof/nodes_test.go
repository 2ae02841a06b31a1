package proof

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// sendRoles are complete roles for a plan, with other statements about ssm:SendCommand.
func sendRoles(t *testing.T, p *plan.Plan, statements ...string) []Role {
	t.Helper()
	roles := granted(t, p)
	for i := range roles {
		if !strings.HasSuffix(roles[i].Name, "Deploy") {
			continue
		}
		d := roles[i].Policies[0]
		d.Statements = slices.DeleteFunc(d.Statements, func(st iam.Statement) bool {
			return slices.Contains(st.Actions, "ssm:SendCommand")
		})
		roles[i].Policies = append(roles[i].Policies, document(t, "policy-send.json",
			`{"Version": "2012-10-17", "Statement": [`+strings.Join(statements, ",\n")+`]}`))
	}
	return roles
}

// allowNodes allows sending to nodes, and denyNodes denies it; resource is an element of the statement.
func allowNodes(resource string) string {
	return `{"Sid": "Nodes", "Effect": "Allow", "Action": "ssm:SendCommand", ` + resource + `}`
}

func denyNodes(resource string) string {
	return `{"Sid": "NotThese", "Effect": "Deny", "Action": "ssm:SendCommand", ` + resource + `}`
}

func resources(patterns ...string) string {
	return `"Resource": ["` + strings.Join(patterns, `", "`) + `"]`
}

const (
	webDocument = "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release"
	webNodes    = "arn:aws:ec2:eu-west-1:111111111111:instance/"
)

// TestR051WhoDecidesByIDIsUndecided: the ids of nodes that are found by tags are not known, however a policy
// tells them apart.
func TestR051WhoDecidesByIDIsUndecided(t *testing.T) {
	t.Parallel()
	p := webPlan(t)
	all := allowNodes(resources(webDocument, webNodes+"*"))
	tests := map[string]struct {
		statements []string
		want       Verdict
	}{
		"allow i-*":       {[]string{allowNodes(resources(webDocument, webNodes+"i-*"))}, Proved},
		"allow any":       {[]string{allowNodes(resources("*"))}, Proved},
		"allow inst?nce":  {[]string{allowNodes(resources(webDocument, "arn:aws:ec2:*:*:inst?nce/*"))}, Proved},
		"allow 8 and 17":  {[]string{allowNodes(resources(webDocument, webNodes+"i-????????", webNodes+"i-?????????????????"))}, Proved},
		"allow 17":        {[]string{allowNodes(resources(webDocument, webNodes+"i-?????????????????"))}, Undecided},
		"allow 16":        {[]string{allowNodes(resources(webDocument, webNodes+"i-????????????????"))}, Refuted},
		"allow i-00*":     {[]string{allowNodes(resources(webDocument, webNodes+"i-00*"))}, Undecided},
		"allow i-0*":      {[]string{allowNodes(resources(webDocument, webNodes+"i-0*"))}, Undecided},
		"allow *7":        {[]string{allowNodes(resources(webDocument, webNodes+"*7"))}, Undecided},
		"allow i-x*":      {[]string{allowNodes(resources(webDocument, webNodes+"i-x*"))}, Refuted},
		"allow mi-*":      {[]string{allowNodes(resources(webDocument, webNodes+"mi-*"))}, Refuted},
		"allow elsewhere": {[]string{allowNodes(resources(webDocument, "arn:aws:ec2:us-east-1:*:instance/i-0*"))}, Refuted},
		// "You can't use a variable to replace parts of the ARN before the fifth colon" (IAM user guide, policy variables).
		"allow a variable before the resource": {[]string{
			allowNodes(resources(webDocument, "arn:aws:ec2:eu-west-1:${aws:PrincipalAccount}:instance/*"))}, Refuted},
		"allow a variable of another value": {[]string{allowNodes(resources(webDocument, webNodes+"${aws:PrincipalAccount}"))}, Refuted},
		"allow a default":                   {[]string{allowNodes(resources(webDocument, webNodes+"i-${aws:username, '0abcdef1234567890'}"))}, Undecided},
		"allow a literal star":              {[]string{allowNodes(resources(webDocument, webNodes+"i-0${*}"))}, Refuted},
		"allow a variable without value":    {[]string{allowNodes(resources(webDocument, webNodes+"i-${aws:username}"))}, Refuted},
		"allow an unknown variable":         {[]string{allowNodes(resources(webDocument, webNodes+"${aws:PrincipalTag/node}"))}, Undecided},
		"allow an unknown variable of documents": {[]string{
			allowNodes(resources(webDocument, webNodes+"*")), allowNodes(resources("arn:aws:ssm:*:*:document/${aws:PrincipalTag/node}"))}, Proved},
		"allow all but some":        {[]string{allowNodes(`"NotResource": ["` + webNodes + `i-0*", "arn:aws:s3:::*"]`)}, Undecided},
		"allow all but none":        {[]string{allowNodes(`"NotResource": ["arn:aws:s3:::*"]`)}, Proved},
		"deny i-0*":                 {[]string{all, denyNodes(resources(webNodes + "i-0*"))}, Undecided},
		"deny i-1*":                 {[]string{all, denyNodes(resources("arn:aws:ec2:*:*:instance/i-1*"))}, Undecided},
		"deny all":                  {[]string{all, denyNodes(resources("arn:aws:ec2:*"))}, Refuted},
		"deny all but some":         {[]string{all, denyNodes(`"NotResource": ["arn:aws:ec2:*:*:instance/i-0*", "arn:aws:ssm:*"]`)}, Undecided},
		"deny all but all":          {[]string{all, denyNodes(`"NotResource": ["arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*"]`)}, Proved},
		"deny without the type":     {[]string{all, denyNodes(resources("arn:aws:ec2:*:*:*/i-0abcdef1234567890"))}, Undecided},
		"deny by the end":           {[]string{all, denyNodes(resources("*i-0abcdef1234567890"))}, Undecided},
		"deny by a pattern of type": {[]string{all, denyNodes(resources("arn:aws:ec2:*:*:inst?nce/i-0abcdef1234567890"))}, Undecided},
		"deny an old id":            {[]string{all, denyNodes(resources(webNodes + "i-1234abcd"))}, Undecided},
		"deny in another account":   {[]string{all, denyNodes(resources("arn:aws:ec2:*:222222222222:instance/i-0*"))}, Proved},
		"deny another action": {[]string{all,
			`{"Effect": "Deny", "Action": "ec2:StopInstances", "Resource": "` + webNodes + `i-0*"}`}, Proved},
		"deny others where another statement denies all": {[]string{all, denyNodes(resources(webNodes + "i-0*")),
			`{"Effect": "Deny", "Action": "*", "Resource": "*"}`}, Refuted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := prove(t, p, sendRoles(t, p, test.statements...))
			c := resultOf(t, r, sendToWeb)
			if c.Verdict != test.want {
				t.Errorf("got %+v", c)
			}
			missing := "which instances carry the tags App=web, Env=dev|all: statement N"
			if test.want == Undecided && !strings.Contains(c.Why, missing) && !strings.Contains(c.Why, "aws:PrincipalTag/node") {
				t.Errorf("what is missing is not told: %s", c.Why)
			}
			if strings.ContainsRune(r.Text(), anyDigit) {
				t.Errorf("an instance that does not exist is told:\n%s", r.Text())
			}
		})
	}
}

func TestR051ABoundaryThatNamesNodesIsUndecided(t *testing.T) {
	t.Parallel()
	p := webPlan(t)
	for name, want := range map[string]Verdict{"i-0*": Undecided, "*": Proved} {
		roles := granted(t, p)
		for i := range roles {
			roles[i].Boundary = document(t, "boundary.json", `{"Version": "2012-10-17", "Statement": [
				{"Sid": "Nodes", "Effect": "Allow", "Action": "ssm:SendCommand", "Resource": ["arn:aws:ssm:*", "`+webNodes+name+`"]},
				{"Effect": "Allow", "NotAction": "ssm:SendCommand", "Resource": "*"}]}`)
		}
		c := resultOf(t, prove(t, p, roles), sendToWeb)
		if c.Verdict != want || want == Undecided && !strings.Contains(c.Why, "statement Nodes in boundary.json") {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

// TestReachAgreesWithTheEvaluator draws patterns, and holds what is said of all nodes against nodes with drawn ids.
func TestReachAgreesWithTheEvaluator(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	n := newNodes(plan.Resource{ARN: webNodes + "*"})
	seen := map[reach]int{}
	who := iam.Principal{Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/somebody"}
	for range 3000 {
		pattern := pick(webNodes, "*", "*/", "arn:aws:ec2:*:*:inst?nce/")
		for range random.IntN(5) {
			pattern += pick("i-", "*", "?", "????????", "0", "a", "1")
		}
		st := iam.Statement{Effect: iam.Allow, Actions: []string{"ssm:SendCommand"}}
		if random.IntN(3) == 0 {
			st.NotResources = []string{pattern}
		} else {
			st.Resources = []string{pattern}
		}
		got := n.reach(&st, true, func(string) bool { return true })
		seen[got]++
		policy, err := iam.Compile(&iam.Document{Version: iam.Version2012, Statements: []iam.Statement{st}})
		if err != nil {
			t.Fatal(err)
		}
		set := iam.PolicySet{Identity: []*iam.Policy{policy}}
		for range 40 {
			id := "i-"
			for range []int{8, 17}[random.IntN(2)] {
				id += pick("0", "0", "1", "a", "f")
			}
			allowed := set.Allowed(&iam.Request{Action: "ssm:SendCommand", Resource: webNodes + id, Principal: who})
			if got == reachAll && !allowed || got == reachNone && allowed {
				t.Fatalf("%+v is said to reach %d, and of %s the evaluator says %v", st, got, id, allowed)
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("not every case came up: %v", seen)
	}
}

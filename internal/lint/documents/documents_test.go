package documents

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
)

// codesOf lists what was found, as code and line.
func codesOf(found []finding.Finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, fmt.Sprintf("%s:%d", f.Code, f.Line))
	}
	return list
}

func has(found []finding.Finding, code finding.Code) bool {
	return slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Code == code })
}

// TestR050InjectionIsTried: each of the strings that an attacker would write is found to pass, or not to, at its place.
func TestR050InjectionIsTried(t *testing.T) {
	t.Parallel()
	const document = "schemaVersion: '2.2'\nparameters:\n  V: {type: String%s}\nmainSteps:\n" +
		"  - {name: only, action: 'aws:runShellScript', inputs: {runCommand: [%s]}}\n"
	tests := map[string]struct {
		parameter, line string
		found           bool
	}{
		"free":                 {"", `'run {{ V }}'`, true},
		"semicolon":            {`, allowedPattern: '^[a-z; ]+$'`, `'run {{ V }}'`, true},
		"substitution":         {`, allowedPattern: '^[a-z$()]+$'`, `'run {{ V }}'`, true},
		"backtick":             {", allowedPattern: '^[a-z`]+$'", `'run {{ V }}'`, true},
		"newline":              {`, allowedPattern: '^[a-z\s]+$'`, `'run {{ V }}'`, true},
		"unanchored":           {`, allowedPattern: 'v[0-9]+'`, `'run {{ V }}'`, true},
		"a prefix":             {`, allowedPattern: '^v1.*'`, `'run {{ V }}'`, true},
		"several lines":        {`, allowedPattern: '(?m)^v[0-9]+$'`, `'run {{ V }}'`, true},
		"quoted and quotes":    {`, allowedPattern: '^[a-z"]+$'`, `'run "{{ V }}"'`, true},
		"quoted substitution":  {`, allowedPattern: '^[a-z$(]+$'`, `'run "{{ V }}"'`, true},
		"single and quote":     {`, allowedPattern: "^[a-z']+$"`, `"run '{{ V }}'"`, true},
		"in a remark":          {`, allowedPattern: '^[a-z\n]+$'`, `'true # {{ V }}'`, true},
		"safe":                 {`, allowedPattern: '^[a-z0-9._/-]+$'`, `'run {{ V }}'`, false},
		"quoted semicolon":     {`, allowedPattern: '^[a-z; |&]+$'`, `'run "{{ V }}"'`, false},
		"single, all but it":   {`, allowedPattern: '^[a-z$` + "`" + `;"]+$'`, `"run '{{ V }}'"`, false},
		"a remark":             {`, allowedPattern: '^[a-z;$]+$'`, `'true # {{ V }}'`, false},
		"values":               {`, allowedValues: ['a; b']`, `'run {{ V }}'`, false},
		"environment variable": {`, interpolationType: ENV_VAR`, `'run "$SSM_V"'`, false},
		"the form for older agents": {`, interpolationType: ENV_VAR, allowedPattern: '^[a-z]+$'`,
			`'if [ -z "${SSM_V+x}" ]; then export SSM_V="{{V}}"; fi'`, false},
		"somebody else's braces": {"", `'docker ps --format "{{.ID}} {{ ID }}"'`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := fmt.Sprintf(document, tt.parameter, tt.line)
			if found := Lint("doc.yaml", []byte(text)); has(found, "SLW310") != tt.found || has(found, "SLW300") {
				t.Errorf("found %v in\n%s", found, text)
			}
		})
	}
}

// TestR029OwnDocumentsTakeNoCommands: a document whose parameter is the script is root for whoever sends it.
func TestR029OwnDocumentsTakeNoCommands(t *testing.T) {
	t.Parallel()
	found := Lint("doc.json", []byte(`{"schemaVersion": "2.2", "parameters": {"commands": {"type": "StringList"}},
"mainSteps": [{"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": "{{ commands }}"}}]}`))
	if diff := cmp.Diff([]string{"SLW311:2"}, codesOf(found)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestR049ParametersOfRunbooks and R60: each way in which a parameter is not checked has a finding of its own.
func TestR049ParametersOfRunbooks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ parameter, code string }{
		"free":          {"{type: String}", "SLW301"},
		"free list":     {"{type: StringList}", "SLW301"},
		"anything":      {"{type: String, allowedPattern: '.*'}", "SLW303"},
		"all of it":     {"{type: String, allowedPattern: '^.*$'}", "SLW303"},
		"unanchored":    {"{type: String, allowedPattern: '^[a-z]+'}", "SLW302"},
		"not in RE2":    {`{type: String, allowedPattern: '^(a)\1$'}`, "SLW304"},
		"not in Java":   {"{type: String, allowedPattern: '^(?P<x>a)$'}", "SLW304"},
		"bad default":   {"{type: String, allowedPattern: '^[a-z]+$', default: A}", "SLW306"},
		"pattern":       {"{type: String, allowedPattern: '^[a-z]+$', default: a}", ""},
		"alternatives":  {"{type: String, allowedPattern: '^a$|^b$'}", ""},
		"in a group":    {"{type: String, allowedPattern: '(^[a-z]{1,3}$)'}", ""},
		"values":        {"{type: String, allowedValues: [a, b], default: b}", ""},
		"AWS checks it": {"{type: 'List<AWS::EC2::Instance::Id>'}", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := Lint("r.yaml", []byte("schemaVersion: '0.3'\nparameters:\n  P: "+tt.parameter+"\nmainSteps: [{name: a, action: 'aws:sleep'}]\n"))
			var want []string
			if tt.code != "" {
				want = []string{tt.code + ":3"}
			}
			if diff := cmp.Diff(want, codesOf(found)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestR060ParametersThatNobodyChecks: AWS's own list of common mistakes has it once more; each free parameter is told.
func TestR060ParametersThatNobodyChecks(t *testing.T) {
	t.Parallel()
	found := Lint("r.yaml", []byte("schemaVersion: '0.3'\nparameters:\n  A: {type: String}\n  B: {type: StringList}\n  C: {type: String, allowedValues: [x]}\n"+
		"mainSteps: [{name: a, action: 'aws:sleep'}]\n"))
	if diff := cmp.Diff([]string{"SLW301:3", "SLW301:4"}, codesOf(found)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestR041SessionsAreLogged and R58.
func TestR041SessionsAreLogged(t *testing.T) {
	t.Parallel()
	const preferences = `{"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {%s}}`
	for inputs, found := range map[string]bool{
		"": true, `"s3BucketName": ""`: true, `"cloudWatchLogGroupName": "/sessions"`: false, `"s3BucketName": "sessions"`: false,
	} {
		if got := Lint("p.json", []byte(fmt.Sprintf(preferences, inputs))); has(got, "SLW327") != found {
			t.Errorf("%s: %v", inputs, got)
		}
	}
}

const runbookOfRole = `schemaVersion: "0.3"
assumeRole: arn:aws:iam::111111111111:role/slipway/shop-dev-Automation
mainSteps:
  - name: stop
    action: aws:changeInstanceState
    inputs: {InstanceIds: [i-0123456789abcdef0], DesiredState: stopped}
  - name: look
    action: aws:executeAwsApi
    inputs: {Service: ec2, Api: DescribeInstances}
`

// TestR043RunbooksAndTheirRoles: what the role of a runbook lacks, and what it allows for no step.
func TestR043RunbooksAndTheirRoles(t *testing.T) {
	t.Parallel()
	const all = `"ec2:StopInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeInstances"`
	tests := map[string]struct {
		role, actions, runbook string
		want                   []string
	}{
		"enough":                     {"shop-dev-Automation", all, runbookOfRole, nil},
		"another role":               {"shop-prod-Automation", `"s3:*"`, runbookOfRole, nil},
		"lacks":                      {"shop-dev-Automation", `"ec2:describe*"`, runbookOfRole, []string{"SLW340:5", "SLW341:2"}},
		"lacks one":                  {"shop-dev-Automation", `"ec2:StopInstances", "ec2:DescribeInstances"`, runbookOfRole, []string{"SLW340:5"}},
		"more":                       {"shop-dev-Automation", all + `, "ec2:TerminateInstances"`, runbookOfRole, []string{"SLW341:2"}},
		"all of a service":           {"shop-dev-Automation", `"ec2:*"`, runbookOfRole, []string{"SLW341:2"}},
		"everything":                 {"shop-dev-Automation", `"*"`, runbookOfRole, []string{"SLW341:2"}},
		"a star that is no more":     {"shop-dev-Automation", `"ec2:StopInstance?", ` + all, runbookOfRole, nil},
		"a script may need it":       {"shop-dev-Automation", all + `, "s3:GetObject"`, runbookOfRole + "  - {name: any, action: 'aws:executeScript', inputs: {}}\n", nil},
		"a possible permission":      {"shop-dev-Automation", all, strings.Replace(runbookOfRole, "Api: DescribeInstances", "Api: DescribeInstanceStatus", 1), nil},
		"role given by parameter":    {"shop-dev-Automation", all + `, "s3:*"`, strings.Replace(runbookOfRole, "arn:aws:iam::111111111111:role/slipway/shop-dev-Automation", `"{{ Role }}"`, 1), nil},
		"a document that is not 0.3": {"shop-dev-Automation", `"s3:*"`, strings.Replace(runbookOfRole, "0.3", "2.2", 1), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			policy, err := iam.Parse("policy", []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [`+tt.actions+`], "Resource": "*"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			set := &roles.Set{Roles: []roles.Role{{Name: tt.role, Policies: []roles.Policy{{Name: "p", Document: policy}}}}}
			found := Against([]File{{"r.yaml", []byte(tt.runbook)}}, set)
			if diff := cmp.Diff(tt.want, codesOf(found)); diff != "" {
				t.Errorf("-want +got:\n%s\n%v", diff, found)
			}
			set.Roles[0].Attached = []roles.Attached{{ARN: "arn:aws:iam::111111111111:policy/nobody-gave-it"}}
			if found := Against([]File{{"r.yaml", []byte(tt.runbook)}}, set); len(found) > 0 {
				t.Errorf("with a policy whose text nobody gave: %v", found)
			}
		})
	}
}

// TestAnchored compares what the tree says with what the expression does.
func TestAnchored(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"^a$": true, "^a|b$": false, "^a$|^b$": true, "(^a$)": true, "^(a|b)$": true, "a": false, "^a": false, "a$": false, "": false,
		"^$|^a$": true, "(?m)^a$": false, `\Aa\z`: true, "^a$|b": false, "^": false, "(^a|^b)c$": true,
	} {
		p := compile(text)
		if p == nil {
			t.Fatalf("%s does not compile", text)
		}
		if got := release.Anchored(p.tree); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		if want && regexp.MustCompile(text).MatchString("x\na\nx") {
			t.Errorf("%s matches in the middle", text)
		}
	}
}

// FuzzLint: no text breaks the linter, and places lie in the text.
func FuzzLint(f *testing.F) {
	f.Add(runbookOfRole)
	f.Add("schemaVersion: '2.2'\nparameters: {V: {type: String, allowedPattern: '['}}\nmainSteps:\n  - {name: a, action: 'aws:runShellScript', inputs: {runCommand: ['{{ V }} <<E']}}\n")
	f.Add(`{"schemaVersion": "1.0", "sessionType": "Standard_Stream"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, found := range Lint("f", []byte(text)) {
			if found.Line < 1 || found.Column < 1 || found.Message != finding.Printable(found.Message) {
				t.Errorf("%+v", found)
			}
		}
	})
}

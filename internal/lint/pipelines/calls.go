package pipelines

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// open are documents that run whatever they are sent, as root (R28).
var open = []string{"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript", "AWS-RunDocument"}

// ofCalls finds what the calls of a sequence hand over that they should not, and what they leave out.
func (c *checker) ofCalls(q *sequence) {
	for i := range q.program.Calls {
		call := &q.program.Calls[i]
		var s *step
		if len(q.steps) > 0 {
			s = q.steps[call.Script]
		}
		if call.Runs("aws", "ssm", "send-command") {
			c.document(q, s, call)
			c.output(call)
		}
		c.role(q, s, call)
		c.configured(s, call)
	}
}

// ofBuild finds what a buildspec has that it should not.
func (c *checker) ofBuild(b *build) {
	for _, list := range []string{"variables", "parameter-store", "secrets-manager"} {
		b.get("env", list).each(func(key, value node) {
			c.written(value)
			if keyInput.MatchString(key.Value) && (list != "variables" || value.text() != "") {
				c.add(&staticKeysRule, key.place(), "give the project's service role what the build needs, and leave the key out",
					"the build enters AWS with an access key that lasts until somebody deletes it, where CodeBuild has a role for it")
			}
		})
	}
	for _, phase := range phases {
		for _, list := range []string{"commands", "finally"} {
			for _, command := range b.get("phases", phase, list).items() {
				c.written(command)
			}
		}
	}
}

// variable is a variable of the shell in a word.
var variable = regexp.MustCompile(`\$([A-Za-z_][A-Za-z0-9_]*)`)

// value is a word as far as files tell it: written out, or with variables that have a constant value in the environment, and
// that the script does not set.
func value(q *sequence, s *step, call *shell.Call, w shell.Word) (string, bool) {
	if w.Whole {
		return w.Text, true
	}
	text, known := expression.ReplaceAllString(w.Written, ""), true
	if strings.Contains(text, "$(") || strings.Contains(text, "`") {
		return w.Text, false
	}
	text = variable.ReplaceAllStringFunc(w.Written, func(v string) string {
		value, ok := constant(q, s, call, v[1:])
		known = known && ok
		return value
	})
	if s != nil && known {
		text, known = s.scope.fixed(text)
	}
	if known = known && !strings.Contains(text, "$"); !known {
		return w.Text, false
	}
	return text, true
}

// constant is the value of a variable that the environment has, and the script leaves alone.
func constant(q *sequence, s *step, call *shell.Call, name string) (string, bool) {
	script := &q.Scripts[call.Script]
	if sets := regexp.MustCompile(`\b` + name + `\+?=|\b(for|read|select|mapfile|readarray|printf -v)\b[^\n;]*\b` + name + `\b`); sets.MatchString(script.Text) {
		return "", false
	}
	if s != nil {
		return s.scope.variable(name)
	}
	value, ok := script.Env[name]
	return value, ok
}

// document finds sends of documents that run whatever they are sent (R17, R28).
func (c *checker) document(q *sequence, s *step, call *shell.Call) {
	word, ok := call.Flag("--document-name")
	if !ok {
		return
	}
	name, known := value(q, s, call, word)
	if known && slices.Contains(open, path.Base(name)) {
		c.add(&openDocumentRule, placeOf(call), "",
			"the pipeline sends %s: who may do that is root on every node that the role reaches", path.Base(name))
	}
}

// output finds sends whose output is kept nowhere (R58).
func (c *checker) output(call *shell.Call) {
	for _, flag := range []string{"--output-s3-bucket-name", "--cloud-watch-output-config", "--cli-input-json", "--cli-input-yaml"} {
		if call.Has(flag) {
			return
		}
	}
	c.add(&noOutputRule, placeOf(call), "", "the output of the command is kept nowhere: what GetCommandInvocation has ends after 24,000 characters")
}

// configured finds keys that a script writes into the CLI's configuration (W9a).
func (c *checker) configured(s *step, call *shell.Call) {
	if s == nil || !call.Runs("aws", "configure", "set") || len(call.Words) < 5 || call.Words[3].Text != "aws_access_key_id" {
		return
	}
	written := call.Words[4].Written
	names := s.scope.secretsIn(written, maxCalls)
	if name, ok := strings.CutPrefix(written, "$"); ok {
		if b, ok := s.scope.lookup(name); ok {
			names = append(names, b.scope.secretsIn(b.value.text(), maxCalls)...)
		}
	}
	if len(names) > 0 {
		c.add(&staticKeysRule, placeOf(call), "", "a step enters AWS with an access key that lasts until somebody deletes it, from secret %s", strings.Join(names, ", "))
	}
}

// deployed names the command of a call that changes a stack by CloudFormation; empty where it does not.
func deployed(call *shell.Call) string {
	for _, words := range [][]string{
		{"aws", "cloudformation", "deploy"}, {"aws", "cloudformation", "create-stack"}, {"aws", "cloudformation", "update-stack"},
		{"aws", "cloudformation", "create-change-set"}, {"sam", "deploy"}, {"sls", "deploy"}, {"serverless", "deploy"}, {"cdk", "deploy"},
	} {
		if call.Runs(words[0], words[1:]...) || strings.HasPrefix(words[0], "s") && runsByNode(call, words) || words[0] == "cdk" && runsByNode(call, words) {
			return strings.Join(words, " ")
		}
	}
	return ""
}

// runsByNode says whether npx or the like runs a program.
func runsByNode(call *shell.Call, words []string) bool {
	written := call.Strings()
	if len(written) < 2 || !slices.Contains([]string{"npx", "yarn", "pnpm", "bunx", "pnpx"}, path.Base(written[0])) {
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(written[1:]), func(w string) bool { return strings.HasPrefix(w, "-") || w == "exec" || w == "run" || w == "dlx" })
	return len(rest) >= len(words) && strings.Split(rest[0], "@")[0] == words[0] && slices.Equal(rest[1:len(words)], words[1:])
}

// role finds changes of stacks that do not pass an execution role (R93). cdk has one of its own, by its bootstrap.
func (c *checker) role(q *sequence, s *step, call *shell.Call) {
	what := deployed(call)
	if what == "" || what == "cdk deploy" || call.Has("--role-arn") || call.Has("--cli-input-json") {
		return
	}
	fix := "--role-arn arn:aws:iam::…:role/slipway/…-CloudFormationExecutionRole"
	switch strings.Fields(what)[0] {
	case "sls", "serverless":
		fix = "provider: {iam: {deploymentRole: …}} in serverless.yml"
		if text, ok := readOf(q, "serverless.yml", "serverless.yaml"); !ok || strings.Contains(text, "deploymentRole") || strings.Contains(text, "cfnRole") {
			return // it may stand in a file that is not here
		}
	case "sam":
		if text, ok := readOf(q, "samconfig.toml", "samconfig.yaml"); strings.Contains(text, "role_arn") || !ok && call.Has("--config-file") {
			return
		}
	}
	c.add(&noRoleRule, placeOf(call), fix, "%s passes no execution role: CloudFormation changes resources with the caller's own permissions, unless the stack has a role from before", what)
}

func readOf(q *sequence, names ...string) (string, bool) {
	for _, name := range names {
		if q.Read == nil {
			return "", false
		}
		if content, ok := q.Read(name); ok {
			return string(content), true
		}
	}
	return "", false
}

// template finds AWS's action for stacks without an execution role (R93).
func (c *checker) template(s *step) {
	if s.uses == "aws-actions/aws-cloudformation-github-deploy" && s.input("role-arn").text() == "" {
		c.add(&noRoleRule, s.place(), "role-arn: arn:aws:iam::…:role/slipway/…-CloudFormationExecutionRole",
			"%s passes no execution role: CloudFormation changes resources with the caller's own permissions, unless the stack has a role from before", s.uses)
	}
}

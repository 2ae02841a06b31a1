package shell

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sending is a send with parameters, followed as it should be, but for what is left running.
func sending(parameters string) string {
	return "id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids i-1 " + parameters + " --query Command.CommandId --output text)\n" +
		"sleep 5\nfor i in {1..60}; do\n  status=$(" + get + ")\n  " + decide + "\n  sleep 5\ndone\n" + cancels
}

// TestR098W07Shorthand: what the CLI or what is filled in may take apart; JSON, and plain text in shorthand, stay as they are.
func TestR098W07Shorthand(t *testing.T) {
	t.Parallel()
	limit := `,executionTimeout=["60"]`
	check(t, []shape{
		{"plain", sending(`--parameters 'commands=["/opt/app/deploy.sh --now"]` + limit + `'`), ""},
		{"several, quoted", sending(`--parameters 'commands=["set -e","cd /opt/app","docker compose up -d"]` + limit + `'`), ""},
		{"a variable", sending(`--parameters "commands=[\"/opt/app/deploy.sh $VERSION\"]` + `,executionTimeout=[\"60\"]"`), "1:107"},
		{"an expression", sending(`--parameters 'commands=["/opt/app/deploy.sh ${{ inputs.version }}"]` + limit + `'`), "1:107"},
		{"a commit", sending(`--parameters "commands=[\"/opt/app/deploy.sh $GITHUB_SHA\"],executionTimeout=[\"60\"]"`), ""},
		{"a commit's expression", sending(`--parameters 'commands=["/opt/app/deploy.sh ${{ github.sha }}"]` + limit + `'`), ""},
		{"a variable of the script", "DIR=/opt/app\n" + sending(`--parameters "commands=[\"$DIR/deploy.sh\"],executionTimeout=[\"60\"]"`), ""},
		{"in a variable", "P=\"commands=[\\\"/opt/app/deploy.sh $VERSION\\\"],executionTimeout=60\"\n" + sending(`--parameters "$P"`), "2:107"},
		{"a commit by git", sending(`--parameters "commands=[\"/opt/app/deploy.sh $(git rev-parse --short HEAD)\"],executionTimeout=60"`), ""},
		{"where no run comes to", "if false; then\n" + sending(`--parameters "commands=[\"/opt/app/deploy.sh $VERSION\"],executionTimeout=60"`) + "fi", "2:107"},
		{"the node's variable", sending(`--parameters 'commands=["/opt/app/deploy.sh $HOSTNAME"]` + limit + `'`), ""},
		{"lines", sending("--parameters 'commands=[\"set -e\ncd /opt/app\n./deploy.sh\"]" + limit + "'"), "1:107"},
		{"quotes in quotes", sending(`--parameters 'commands=["bash -c \"cd /opt && ./deploy.sh\""]` + limit + `'`), "1:107"},
		{"commas", sending(`--parameters 'commands=[cp a b, mv c d]` + limit + `'`), "1:107 1:112"},
		{"with an equals sign", sending(`--parameters='commands=["/opt/app/deploy.sh ${{ inputs.version }}"]` + limit + `'`), "1:107"},
		{"json", sending(`--parameters '{"commands":["/opt/app/deploy.sh","a, b"],"executionTimeout":["60"]}'`), "1:112"},
	})
}

// TestR098W11Limits: the run's limit is a parameter of the document.
func TestR098W11Limits(t *testing.T) {
	t.Parallel()
	plain := `--parameters '{"commands":["/opt/app/deploy.sh"]}'`
	check(t, []shape{
		{"none", sending(plain), "1:111"},
		{"of the delivery", sending(plain + " --timeout-seconds 600"), "1:111"},
		{"both", sending(`--timeout-seconds 120 --parameters '{"commands":["/opt/app/deploy.sh"],"executionTimeout":["600"]}'`), ""},
		{"in shorthand", sending(`--parameters 'commands=["/opt/app/deploy.sh"],executionTimeout=600'`), ""},
		{"a file that nobody knows", sending(`--parameters file://other.json`), ""},
		{"text that nobody knows", sending(`--parameters "$PARAMETERS"`), ""},
		{"built by jq", sending(`--parameters "$(jq -n --arg c "$C" '{commands: [$c], executionTimeout: ["60"]}')"`), ""},
		{"built by jq without", sending(`--parameters "$(jq -n --arg c "$C" '{commands: [$c]}')"`), "1:111"},
	})
	other := "id=$(aws ssm send-command --document-name shop-release --instance-ids i-1 --query Command.CommandId --output text)\nsleep 5\n[ \"$(" + get + ")\" = Success ]"
	if diff := cmp.Diff("", found(other)); diff != "" {
		t.Errorf("a document of one's own: %s", diff)
	}
}

// TestR098W12CommandsThatGoOn: the agent's exit code is that of the last command.
func TestR098W12CommandsThatGoOn(t *testing.T) {
	t.Parallel()
	with := func(commands string) string {
		return sending(`--parameters '{"commands":[` + commands + `],"executionTimeout":["600"]}'`)
	}
	check(t, []shape{
		{"three", with(`"cd /opt/app","docker compose pull","docker compose up -d"`), "1:112"},
		{"with semicolons", with(`"cd /opt/app; docker compose pull; docker compose up -d"`), "1:112"},
		{"lines", with(`"cd /opt/app\ndocker compose up -d"`), "1:112"},
		{"joined", with(`"cd /opt/app && docker compose pull && docker compose up -d"`), ""},
		{"strict", with(`"set -e","cd /opt/app","docker compose up -d"`), ""},
		{"strict, in a line", with(`"set -eu; cd /opt/app; docker compose up -d"`), ""},
		{"of bash, given to sh", with(`"set -euo pipefail; cd /opt/app; docker compose up -d"`), "1:132"},
		{"of bash, given to bash", with(`"#!/bin/bash","set -euo pipefail","[[ -d /opt/app ]]","docker compose up -d"`), ""},
		{"a test of bash", with(`"[[ -d /opt/app ]] && docker compose up -d"`), "1:132"},
		{"by a shebang", with(`"#!/bin/bash -e","cd /opt/app","docker compose up -d"`), ""},
		{"one", with(`"/opt/app/deploy.sh"`), ""},
		{"echo first", with(`"echo deploying","/opt/app/deploy.sh"`), ""},
		{"checked", with(`"cd /opt/app || exit 1","./deploy.sh"`), ""},
		{"set later", with(`"echo hello","set -e","cd /opt/app","./deploy.sh"`), ""},
		{"a here document", "cat > x.json <<'EOF'\n{\"commands\": [\"cd /opt/app\", \"./deploy.sh\"], \"executionTimeout\": [\"60\"]}\nEOF\n" + sending("--parameters file://x.json"), "4:112"},
	})
}

// TestR098ReadTooEarly: InvocationDoesNotExist right after the send.
func TestR098ReadTooEarly(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"at once", send + "status=$(" + get + ")\n[ $status = Success ]", "2:130"},
		{"after some seconds", send + "sleep 5\nstatus=$(" + get + ")\n[ $status = Success ]", ""},
		{"the waiter", send + "aws ssm wait command-executed --command-id $id --instance-id i-1", "2:103"},
		{"tolerated", send + "for i in 1 2 3; do status=$(" + get + " 2>err) && break; grep -q InvocationDoesNotExist err || { cat err; exit 1; }; sleep 3; done\n[ $status = Success ]", ""},
		{"a list", send + "status=$(aws ssm list-command-invocations --command-id $id --query 'CommandInvocations[0].Status' --output text)\n[ $status = Success ]", ""},
	})
}

package shell

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/finding"
)

// codes of the findings of a sequence, with the number of the file that has it.
func codes(s Sequence) string {
	var got []string
	for _, f := range Analyze(s).Findings() {
		got = append(got, f.File+":"+strings.TrimPrefix(string(f.Code), "SLW"))
	}
	return strings.Join(got, " ")
}

// TestR098StepsThatFollowEachOther: an id goes from step to step by outputs and environment.
func TestR098StepsThatFollowEachOther(t *testing.T) {
	t.Parallel()
	out := `echo "id=$id" >> "$GITHUB_OUTPUT"`
	sent := Script{File: "send", Name: "send", Text: send + out, Errexit: true}
	ask := func(text string) Script { return Script{File: "ask", Text: text, Errexit: true} }
	check := `sleep 5; [ "$(aws ssm get-command-invocation --command-id ${{ steps.send.outputs.id }} --instance-id i-1 --query Status --output text)" = Success ]`
	viaEnv := ask(strings.ReplaceAll(check, "${{ steps.send.outputs.id }}", `"$ID"`))
	viaEnv.Env = map[string]string{"ID": "${{ steps.send.outputs.id }}"}
	alias := ask(strings.ReplaceAll(check, "steps.send.outputs.id", "needs.send.outputs.command"))
	alias.Aliases = map[string]string{"needs.send.outputs.command": "steps.send.outputs.id"}
	late := ask(strings.ReplaceAll(check, "${{ steps.send.outputs.id }}", "$SENT"))
	for name, c := range map[string]struct {
		sequence Sequence
		want     string
	}{
		"read":                      {Sequence{Scripts: []Script{sent, ask(check)}}, ""},
		"by env":                    {Sequence{Scripts: []Script{sent, viaEnv}}, ""},
		"by another job":            {Sequence{Scripts: []Script{sent, alias}}, ""},
		"by GITHUB_ENV":             {Sequence{Scripts: []Script{{File: "send", Text: send + `echo "SENT=$id" >> $GITHUB_ENV`, Errexit: true}, late}}, ""},
		"by set-output":             {Sequence{Scripts: []Script{{File: "send", Name: "send", Text: send + `echo "::set-output name=id::$id"`, Errexit: true}, ask(check)}}, ""},
		"nothing reads it":          {Sequence{Scripts: []Script{sent, ask("echo done")}}, "send:101"},
		"something else does":       {Sequence{Scripts: []Script{sent}, Uses: []string{"steps.send.outputs.id"}}, ""},
		"printed, and perhaps read": {Sequence{Scripts: []Script{{File: "send", Text: send + "echo $id", Errexit: true}}, Printed: true}, ""},
		"only when it failed":       {Sequence{Scripts: []Script{sent, {File: "ask", Text: check, Errexit: true, When: OnFailure}}}, "send:101"},
		"perhaps":                   {Sequence{Scripts: []Script{sent, {File: "ask", Text: check, Errexit: true, When: Perhaps}}}, ""},
		"another step judges":       {Sequence{Scripts: []Script{sent, {File: "ask", Name: "ask", Errexit: true, Text: "sleep 5; echo s=$(aws ssm get-command-invocation --command-id ${{ steps.send.outputs.id }} --instance-id i-1 --query Status --output text) >> $GITHUB_OUTPUT"}, {File: "judge", Text: `[ "${{ steps.ask.outputs.s }}" = Success ] || exit 1`, Errexit: true}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.sequence.Read = func(path string) ([]byte, bool) { return []byte(parameters), path == "p.json" }
			if diff := cmp.Diff(c.want, codes(c.sequence)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestR098W05ALimitFromOutside bounds a loop as well.
func TestR098W05ALimitFromOutside(t *testing.T) {
	t.Parallel()
	text := send + "sleep 5\nwhile true; do\n  status=$(" + get + ")\n  " + decide + "\n  sleep 5\ndone"
	read := func(path string) ([]byte, bool) { return []byte(parameters), path == "p.json" }
	if got := codes(Sequence{Read: read, Scripts: []Script{{File: "s", Text: text, Errexit: true}}}); got != "s:105" {
		t.Errorf("without a limit: %q", got)
	}
	if got := codes(Sequence{Read: read, Scripts: []Script{{File: "s", Text: text, Errexit: true, Limit: 20 * time.Minute}}}); got != "" {
		t.Errorf("with a limit: %q", got)
	}
}

// TestR098W08SecretsInParameters: however they come there; what only is kept as a secret is none.
func TestR098W08SecretsInParameters(t *testing.T) {
	t.Parallel()
	follow := "sleep 5\n[ \"$(" + get + ")\" = Success ]"
	with := func(parameters string) string {
		return "id=$(aws ssm send-command --document-name AWS-RunShellScript --instance-ids ${{ secrets.INSTANCE_ID }} --parameters " + parameters + " --query Command.CommandId --output text)\n" + follow
	}
	rest := `"executionTimeout":["60"]}'`
	for text, want := range map[string]bool{
		with(`'{"commands":["docker login -p ${{ secrets.REGISTRY_TOKEN }}"],` + rest):                                         true,
		with(`'{"commands":["aws ecr get-login-password --region ${{ secrets.AWS_REGION }}"],` + rest):                         false,
		"p=$(jq -n --arg t \"$TOKEN\" '{commands:[\"login \" + $t],executionTimeout:[\"60\"]}')\n" + with(`"$p"`):              true,
		"p=$(jq -n --arg t \"$SHA\" '{commands:[\"login \" + $t],executionTimeout:[\"60\"]}')\n" + with(`"$p"`):                false,
		"b=$(echo \"$TOKEN\" | base64)\n" + with(`"{\"commands\":[\"echo $b | base64 -d\"],\"executionTimeout\":[\"60\"]}"`):   true,
		"cat > q.json <<EOF\n{\"commands\":[\"login $TOKEN\"],\"executionTimeout\":[\"60\"]}\nEOF\n" + with("file://q.json"):   true,
		"cat > q.json <<'EOF'\n{\"commands\":[\"login $TOKEN\"],\"executionTimeout\":[\"60\"]}\nEOF\n" + with("file://q.json"): false,
		"echo \"${#TOKEN} characters\"\n" + with(`'{"commands":["date"],`+rest):                                                false,
	} {
		p := Analyze(Sequence{Scripts: []Script{{File: "s", Text: text, Errexit: true, Env: map[string]string{"TOKEN": "${{ secrets.TOKEN }}", "SHA": "${{ github.sha }}"}}}})
		got := slices.ContainsFunc(p.Findings(), func(f finding.Finding) bool { return f.Code == "SLW108" })
		if got != want || len(p.Unread) > 0 {
			t.Errorf("%s\ngot %v %v", text, p.Findings(), p.Unread)
		}
	}
}

const assume = "aws sts assume-role --role-arn arn:aws:iam::111111111111:role/d --role-session-name ci"

func TestR091CredentialsAreNotPrinted(t *testing.T) {
	t.Parallel()
	check(t, []shape{
		{"echo", "c=$(" + assume + ")\necho $c", "2:133"},
		{"printed by the CLI", assume, "1:133"},
		{"to nowhere", assume + " >/dev/null", ""},
		{"a key of it", "c=$(" + assume + ")\nk=$(echo $c | jq -r .Credentials.SecretAccessKey)\necho \"key: $k\"", "3:133"},
		{"the role of it", "c=$(" + assume + ")\necho $c | jq -r .AssumedRoleUser.Arn", ""},
		{"masked first", "c=$(" + assume + ")\nk=$(echo $c | jq -r .Credentials.SecretAccessKey)\necho \"::add-mask::$k\"\necho \"key: $k\"", ""},
		{"in the environment of later steps", "k=$(" + assume + " --query Credentials.SecretAccessKey --output text)\necho \"::add-mask::$k\"\necho \"AWS_SECRET_ACCESS_KEY=$k\" >> $GITHUB_ENV", "3:134"},
		{"in a block", "k=$(" + assume + " --query Credentials.SecretAccessKey --output text)\n{\n  echo \"AWS_SECRET_ACCESS_KEY=$k\"\n} >> \"$GITHUB_ENV\"", "3:134"},
		{"of this step alone", "k=$(" + assume + " --query Credentials.SecretAccessKey --output text)\nexport AWS_SECRET_ACCESS_KEY=$k\naws s3 ls", ""},
	})
}

func TestR092AssumeRoleThatFailsIsSeen(t *testing.T) {
	t.Parallel()
	next := "\naws s3 sync site s3://b"
	check(t, []shape{
		{"backticks, set +e", "set +e\nCREDS=`" + assume + "`\nexport K=`echo $CREDS | jq -r .Credentials.AccessKeyId`" + next, "2:135"},
		{"export", "export CREDS=$(" + assume + ")" + next, "1:135"},
		{"local", "enter() {\n  local c=$(" + assume + ")\n  export K=$(echo $c | jq -r .Credentials.AccessKeyId)\n}\nenter" + next, "2:135"},
		{"local, then assigned", "enter() {\n  local c\n  c=$(" + assume + ")\n  export K=$(echo $c | jq -r .Credentials.AccessKeyId)\n}\nenter" + next, ""},
		{"in a pipe", "export K=$(" + assume + " | jq -r .Credentials.AccessKeyId)" + next, "1:135"},
		{"eval", "eval $(" + assume + " | jq -r '.Credentials | \"export AWS_ACCESS_KEY_ID=\\(.AccessKeyId)\"')" + next, "1:135"},
		{"or true", "c=$(" + assume + " || true)" + next, "1:135"},
		{"assigned alone", "CREDS=$(" + assume + ")" + next, ""},
		{"checked", "set +e\nif ! CREDS=$(" + assume + "); then exit 1; fi" + next, ""},
		{"by its text", "set +e\nCREDS=$(" + assume + ")\n[ -z \"$CREDS\" ] && exit 1" + next, ""},
		{"or with what there is", "if CREDS=$(" + assume + "); then\n  export K=$(echo $CREDS | jq -r .Credentials.AccessKeyId)\nelse\n  echo 'with the role of the runner'\nfi" + next, ""},
		{"read into", "read -r k s t <<< $(" + assume + " --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)" + next, "1:135"},
	})
}

// TestR098ScriptsOnTheirOwn: arguments come from somebody else, and so may a command's id.
func TestR098ScriptsOnTheirOwn(t *testing.T) {
	t.Parallel()
	ask := "aws ssm get-command-invocation --command-id \"$1\" --instance-id \"$2\" --query Status --output text"
	for text, want := range map[string]string{
		"for i in {1..60}; do\n status=$(" + ask + " || echo Pending)\n " + decide + "\n sleep 5\ndone\nexit 1":                    "s:104",
		"set -e\nfor i in {1..60}; do\n status=$(" + ask + ")\n " + decide + "\n sleep 5\ndone\nexit 1":                            "",
		"set -e\n[ $# -eq 2 ] || { echo usage; exit 2; }\nwhile true; do\n status=$(" + ask + ")\n " + decide + "\n sleep 5\ndone": "s:105",
		"set -e\nwhile [ $# -gt 0 ]; do case $1 in --id) id=$2; shift 2 ;; *) exit 1 ;; esac; done\n" + get + " | grep -q Success": "",
	} {
		if got := codes(Sequence{Printed: true, Scripts: []Script{{File: "s", Text: text}}}); got != want {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
}

package ci

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Scaffold is what the first release file of an application is written from.
type Scaffold struct {
	App, Region string
	// Repository is owner/name on GitHub; empty for a release without ci.
	Repository string
	Stages     []Stage
}

// PlaceholderAccount stands for an account that nobody named. --local makes it up; AWS does not know it.
const PlaceholderAccount = "111111111111"

// MadeUp says whether the stage's account is the placeholder, and nobody named it.
func (s Stage) MadeUp() bool { return s.AccountID == PlaceholderAccount && !s.Given }

// LocalData is the folder beside a release file in which a local AWS keeps its state.
const LocalData = ".slipway"

// Files are the release file, the scripts that it names, and what git leaves out, in this order.
func (s Scaffold) Files() []File {
	return []File{
		{"slipway.yaml", s.releaseFile()},
		{"deploy/release.sh", strings.ReplaceAll(releaseScript, "APP", s.App)},
		{"deploy/healthy.sh", strings.ReplaceAll(healthyScript, "APP", s.App)},
		{".gitignore", "/" + LocalData + "/\n"},
	}
}

func (s Scaffold) releaseFile() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What is shipped, where, and how. Every key: docs/release-file.md of slipway.")
	line("app: %s # prefix of everything slipway makes: roles, documents", s.App)
	line("region: %s", s.Region)
	if s.Repository != "" {
		line("ci: # whose token the roles let in; each stage is a GitHub environment of the same name")
		line("  github: {repository: %s, environments: true}", s.Repository)
	}
	line("accounts:")
	for _, account := range s.accounts() {
		note := ""
		if account.MadeUp() {
			note = " # made up: put your account's id here"
		}
		line("  %s: %q%s", account.Account, account.AccountID, note)
	}
	line("record: # the bucket with locks and history; --local makes its own")
	line("  bucket: %s-slipway-%s", s.App, s.Stages[0].AccountID)
	if len(s.accounts()) > 1 {
		line("  account: %s", s.Stages[0].Account)
	}
	line("variables:")
	line("  version: v1 # what ${version} is unless --set version=… says otherwise; CI sets the commit")
	line("local:")
	line("  nodes: {%s} # machines of --local", s.nodes())
	line("stages:")
	for i, stage := range s.Stages {
		s.stage(line, i, stage)
	}
	return b.String()
}

// accounts are the stages' accounts, each once.
func (s Scaffold) accounts() []Stage {
	var accounts []Stage
	for _, stage := range s.Stages {
		if !slices.ContainsFunc(accounts, func(a Stage) bool { return a.Account == stage.Account }) {
			accounts = append(accounts, stage)
		}
	}
	return accounts
}

// localNodes is how many machines a stage has in a local AWS, where its targets do not say it.
const localNodes = 3

func (s Scaffold) nodes() string {
	var counts []string
	for _, stage := range s.Stages {
		count := localNodes
		if len(stage.Instances) > 0 {
			count = len(stage.Instances)
		}
		counts = append(counts, fmt.Sprintf("%s: %d", stage.Name, count))
	}
	return strings.Join(counts, ", ")
}

func (s Scaffold) stage(line func(string, ...any), i int, stage Stage) {
	line("  - name: %s", stage.Name)
	line("    account: %s", stage.Account)
	if stage.Region != "" && stage.Region != s.Region {
		line("    region: %s", stage.Region)
	}
	if i > 0 {
		line("    needs: [%s]", s.Stages[i-1].Name)
	}
	line("    targets: %s", stage.targets(s.App))
	line("    steps:")
	line("      - command:")
	line("          name: release")
	line("          script: deploy/release.sh # becomes an SSM document that takes no free-form commands")
	line("          parameters: {Version: \"${version}\"} # $Version in the script")
	line("          timeout: 10m")
	line("          validate: {script: deploy/healthy.sh, timeout: 1m} # decides, on each node")
	if len(stage.Instances) != 1 {
		line("          rollout: {batches: [1, 100%%]} # one node first; the others only when it is healthy")
	}
	line("    on-failure: stop # or rollback: to what the record has as good")
}

func (s Stage) targets(app string) string {
	if len(s.Instances) > 0 {
		return "{instances: [" + strings.Join(s.Instances, ", ") + "]}"
	}
	tags := s.Tags
	if len(tags) == 0 {
		tags = []Tag{{"App", []string{app}}, {"Environment", []string{s.Name}}}
	}
	var written []string
	for _, tag := range tags {
		values := make([]string, len(tag.Values))
		for i, value := range tag.Values {
			values[i] = plainOr(value)
		}
		text := strings.Join(values, ", ")
		if len(values) > 1 {
			text = "[" + text + "]"
		}
		written = append(written, plainOr(tag.Key)+": "+text)
	}
	return "{tags: {" + strings.Join(written, ", ") + "}}"
}

var plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// plainOr quotes what YAML would take for something else than this text.
func plainOr(text string) string {
	word := strings.ToLower(text)
	if plainScalar.MatchString(text) && !slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, word) {
		return text
	}
	return strconv.Quote(text)
}

const releaseScript = `# Installs $Version on one node and starts it. The parameters in slipway.yaml are variables here. It runs under
# "bash -Eeuo pipefail": a command that fails ends it, and the deploy of this node has failed.
#
# Replace what follows with how your application is installed. As it is it works on every machine.
root="$HOME/APP"
mkdir -p "$root/$Version"
echo "installing $Version in $root/$Version"
if [ "$Version" = broken ]; then # to see a deploy that fails: --set version=broken
  echo "nothing but errors" >"$root/$Version/answer"
else
  echo "hello from APP $Version" >"$root/$Version/answer"
fi
ln -sfn "$root/$Version" "$root/current"
`

const healthyScript = `# Decides whether $Version works on this node: exit code 0 is yes. It runs after deploy/release.sh.
#
# Replace what follows with a question to your application: curl --fail --max-time 5 http://localhost:8080/health
answer=$(cat "$HOME/APP/current/answer")
echo "APP answers: $answer"
if [ "$answer" != "hello from APP $Version" ]; then
  echo "that is not version $Version" >&2
  exit 1
fi
`

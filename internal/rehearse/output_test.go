package rehearse_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/cell"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// deploy ships the scenario's stage, and gives what happened as well.
func (s scenario) deploy(t *testing.T, runID string) (*ship.Result, []ship.Event) {
	t.Helper()
	var mu sync.Mutex
	var events []ship.Event
	result, err := ship.Deploy(t.Context(), s.config(t, runID, func(e ship.Event) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	}))
	if err != nil {
		t.Fatal(err)
	}
	return result, events
}

// script is a node's result of one script.
func scriptOf(t *testing.T, r *ship.Result, node int, name string) ship.ScriptStepResult {
	t.Helper()
	for _, s := range r.Steps[0].Nodes[node].Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no script %s: %+v", name, r.Steps[0].Nodes[node])
	return ship.ScriptStepResult{}
}

// loud prints a good 1 MB and fails in its last line.
const loud = `echo the first line
i=0
while [ $i -lt 16000 ]; do
  echo "$i: the quick brown fox jumps over the lazy dog, again and again"
  i=$((i+1))
done
echo "the disk is full" >&2
no-such-program
`

// TestR112TheWholeOutput wants all of a script's output where the agent may write it, and its end in any case.
func TestR112TheWholeOutput(t *testing.T) {
	t.Parallel()
	files := map[string]string{"release.sh": loud, "validate.sh": "echo healthy\n"}
	for name, c := range map[string]struct {
		stage  string
		whole  bool
		spoil  func(*roles.Set)
		denied bool
	}{
		"Run Command alone": {stage: scriptStage},
		"Logs":              {stage: withOutput("{log-group: /shop/deploy}"), whole: true},
		"S3":                {stage: withOutput("{bucket: shop-output, prefix: deploys}"), whole: true},
		"a node role that may not write": {stage: withOutput("{bucket: shop-output, prefix: deploys}"), spoil: nodesMayNot("s3:PutObject"),
			denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var change []func(*roles.Set)
			if c.spoil != nil {
				change = append(change, c.spoil)
			}
			s := start(t, strings.Replace(c.stage, "min: 2", "min: 1", 1), files, change...)
			result, events := s.deploy(t, "run-1")
			if result.Verdict != ship.Failed {
				t.Fatalf("verdict %s: %+v", result.Verdict, result.Problem)
			}
			got := scriptOf(t, result, 0, "release")
			wantEnd(t, got)
			if whole := len(got.Stdout) > 1_000_000; whole != c.whole || got.Truncated == c.whole {
				t.Errorf("%d bytes, truncated %t, incomplete %q", len(got.Stdout), got.Truncated, got.Incomplete)
			}
			if c.whole && (!strings.HasPrefix(got.Stdout, "the first line\n0: the") || !strings.Contains(got.Stdout, "\n15999: the") ||
				!strings.Contains(got.Stdout[len(got.Stdout)-200:], "no-such-program")) {
				t.Errorf("it is not the whole output: %.60q … %q", got.Stdout, got.Stdout[len(got.Stdout)-200:])
			}
			if c.denied && (got.Incomplete == "" || !slices.ContainsFunc(events, func(e ship.Event) bool {
				return e.Kind == ship.EventWarning && strings.Contains(e.Message, "complete output")
			})) {
				t.Errorf("that the output is not complete is not said: %+v", got.Incomplete)
			}
			if !c.denied {
				s.wantPlanned(t)
			}
		})
	}
}

// wantEnd wants a script's last words, where it failed, and the code.
func wantEnd(t *testing.T, s ship.ScriptStepResult) {
	t.Helper()
	if !strings.Contains(s.Tail, "the disk is full\n") || !regexp.MustCompile(`no-such-program: (command )?not found$`).MatchString(s.Tail) {
		t.Errorf("the tail has not the last lines: %q", s.Tail)
	}
	if s.Code != ship.CodeScriptFailed || s.ExitCode != 127 {
		t.Errorf("code %q, exit code %d", s.Code, s.ExitCode)
	}
	if s.File != "release.sh" || s.Line != 8 {
		t.Errorf("it failed at release.sh:8, not at %s:%d", s.File, s.Line)
	}
}

// nodesMayNot denies the nodes' roles one action.
func nodesMayNot(action string) func(*roles.Set) {
	return func(set *roles.Set) {
		for _, role := range set.Roles {
			if role.Kind != plan.KindNode {
				continue
			}
			role.Policies[0].Document.Statements = append(role.Policies[0].Document.Statements,
				iam.Statement{Sid: "Forbidden", Effect: iam.Deny, Actions: []string{action}, Resources: []string{"*"}})
		}
	}
}

// TestR112OutputIsShownWhileTheScriptRuns wants the lines of every node, in their order and once.
func TestR112OutputIsShownWhileTheScriptRuns(t *testing.T) {
	t.Parallel()
	files := map[string]string{"release.sh": "for i in 1 2 3 4 5; do echo line $i; sleep 0.7; done\necho oops >&2\n", "validate.sh": "echo healthy\n"}
	s := start(t, withOutput("{log-group: /shop/deploy}"), files)
	result, events := s.deploy(t, "run-1")
	if result.Verdict != ship.Succeeded {
		t.Fatalf("verdict %s: %+v", result.Verdict, result)
	}
	lines := map[string][]string{}
	early := false
	for _, e := range events {
		if e.Kind == ship.EventOutput {
			lines[e.Instance] = append(lines[e.Instance], strings.Split(e.Message, "\n")...)
		}
		early = early || e.Kind == ship.EventWaiting && len(lines) == 2
	}
	if len(lines) != 2 || !early {
		t.Errorf("output of %d nodes; before the end: %t", len(lines), early)
	}
	for node, got := range lines {
		want := []string{"line 1", "line 2", "line 3", "line 4", "line 5", "oops", "healthy"}
		if len(got) < 3 || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("%s: %q", node, got)
		}
	}
	s.wantPlanned(t)
}

// TestR111TwoDeploysToOneNodeDoNotInterleave ships the same release twice at once: on the node one follows the other,
// through all of their scripts.
func TestR111TwoDeploysToOneNodeDoNotInterleave(t *testing.T) {
	t.Parallel()
	// The nodes' home outlives the script; the command's id tells whose line it is.
	line := func(what string) string { return `echo "$SSM_COMMAND_ID ` + what + `" >>"$HOME/journal"` + "\n" }
	files := map[string]string{"release.sh": line("in") + "sleep 1\n" + line("installed"), "validate.sh": "sleep 0.3\n" + line("out") + `cat "$HOME/journal"` + "\n"}
	s := start(t, strings.Replace(scriptStage, "min: 2", "min: 1", 1), files)
	results := make([]*ship.Result, 2)
	var both, ready sync.WaitGroup
	ready.Add(len(results))
	for i := range results {
		config := s.config(t, fmt.Sprintf("run-%d", i), func(e ship.Event) {
			if e.Kind == ship.EventDocument { // both have looked for earlier commands: nothing but the node keeps them apart
				ready.Done()
				ready.Wait()
			}
		})
		both.Go(func() {
			var err error
			if results[i], err = ship.Deploy(t.Context(), config); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	journal, waited := "", false
	for _, r := range results {
		if r.Verdict != ship.Succeeded {
			t.Fatalf("verdict %s: %+v", r.Verdict, r)
		}
		if out := scriptOf(t, r, 0, "validate").Stdout; len(out) > len(journal) {
			journal = out
		}
		waited = waited || strings.Contains(scriptOf(t, r, 0, "release").Stdout, "slipway: waiting for another deploy on this node (shop/dev/release, command ")
	}
	var got []string
	for l := range strings.Lines(journal) {
		id, what, _ := strings.Cut(strings.TrimSpace(l), " ")
		if what == "in" {
			got = append(got, id)
		}
		if len(got) == 0 || got[len(got)-1] != id {
			t.Errorf("the deploys interleave:\n%s", journal)
			break
		}
	}
	if len(got) != 2 || !waited {
		t.Errorf("two deploys were to follow each other, and the second to say that it waits (%t):\n%s", waited, journal)
	}
}

// smuggle makes the plan ship a value that neither the release file nor the pattern of its parameter would let through.
func (s scenario) smuggle(t *testing.T, value string) {
	t.Helper()
	step := &s.plan.Stages[0].Steps[0]
	strict, err := json.Marshal(release.DefaultPattern)
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Replace(step.Own.Content, `"allowedPattern":`+string(strict), `"allowedPattern":"^[\\s\\S]{0,40}$"`, 1)
	if content == step.Own.Content {
		t.Fatalf("the document has no pattern %s", strict)
	}
	sum := sha256.Sum256([]byte(content))
	step.Own = &plan.Document{Name: step.Own.Name, Content: content, Hash: hex.EncodeToString(sum[:])}
	step.Parameters = map[string][]string{"Version": {value}}
}

// TestR114TheServiceRefusesWhatThePatternDoesNotAdmit: such a value never comes to a node.
func TestR114TheServiceRefusesWhatThePatternDoesNotAdmit(t *testing.T) {
	t.Parallel()
	s := start(t, strings.Replace(scriptStage, "min: 2", "min: 1", 1), scripts)
	s.plan.Stages[0].Steps[0].Parameters = map[string][]string{"Version": {"v1; id"}}
	if result, _ := s.deploy(t, "run-1"); result.Verdict != ship.Refused || !strings.Contains(result.Problem.Message, "InvalidParameters") {
		t.Errorf("verdict %s: %+v", result.Verdict, result.Problem)
	}
}

// TestR114InjectionStaysData ships parameters that would run something, were they not data.
func TestR114InjectionStaysData(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"semicolon": "; id", "substitution": "$(id)", "backticks": "`id`", "newline": "a\nid", "braces": "{{ Other }}", "quotes": `'"; id; "'`,
		"backslash": `\`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, strings.Replace(scriptStage, "min: 2", "min: 1", 1), map[string]string{"release.sh": `printf '<%s>' "$Version"` + "\n", "validate.sh": "echo healthy\n"})
			s.smuggle(t, value)
			result, _ := s.deploy(t, "run-1")
			if result.Verdict != ship.Succeeded {
				t.Fatalf("verdict %s: %+v", result.Verdict, result)
			}
			if got, want := strings.TrimSuffix(scriptOf(t, result, 0, "release").Stdout, "\n"), "<"+value+">"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if doc := s.plan.Stages[0].Steps[0].Own; !strings.Contains(doc.Content, `"interpolationType":"ENV_VAR"`) || doc.Hash == "" {
				t.Errorf("the document has no ENV_VAR or no hash")
			}
		})
	}
}

// TestLargeScriptsTravelThroughS3 ships a script that no document holds; what a node fetches is checked before it runs.
func TestLargeScriptsTravelThroughS3(t *testing.T) {
	t.Parallel()
	large := "echo large and $Version in $PWD\n" + strings.Repeat("# a comment that makes the script a large one\n", 1500) + "echo its end\n"
	stage := "record: {bucket: shop-record}\n" + strings.Replace(scriptStage, "min: 2", "min: 1", 1)
	files := map[string]string{"release.sh": large, "validate.sh": "echo healthy\n"}
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		s := start(t, stage, files)
		result, _ := s.deploy(t, "run-1")
		if result.Verdict != ship.Succeeded {
			t.Fatalf("verdict %s: %+v %+v", result.Verdict, result.Problem, result.Steps)
		}
		if got := scriptOf(t, result, 0, "release").Stdout; got != "large and v1 in /\nits end\n" {
			t.Errorf("got %q", got)
		}
		s.wantPlanned(t)
		again, _ := s.deploy(t, "run-2") // the script is there already
		if again.Verdict != ship.Succeeded {
			t.Errorf("again: %s, %+v", again.Verdict, again.Problem)
		}
	})
	t.Run("tampered with", func(t *testing.T) {
		t.Parallel()
		s := start(t, stage, files)
		s.plan.Stages[0].Steps[0].Blobs[0].Content += "echo and more\n" // as somebody else would have put it there
		result, _ := s.deploy(t, "run-1")
		got := scriptOf(t, result, 0, "release")
		if result.Verdict != ship.Failed || got.Code != ship.CodeChecksum || strings.Contains(got.Stdout, "large") {
			t.Errorf("verdict %s, code %s: %+v", result.Verdict, got.Code, got)
		}
	})
}

// onNodes runs a test on built-in nodes, and on nodes with the genuine agent where there is one.
func onNodes(t *testing.T, test func(t *testing.T, agent string)) {
	t.Helper()
	t.Run("built-in nodes", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	t.Run("the genuine agent", func(t *testing.T) {
		t.Parallel()
		dir, err := cell.Find(os.Getenv("SLIPWAY_SSM_AGENT_DIR"), os.Getenv("PATH"))
		if err != nil {
			testclient.Missing(t, "amazon-ssm-agent", err.Error())
		}
		test(t, dir)
	})
}

// TestTheWrapperOnNodes ships a large script that runs as another user, in a directory of its own, with output to Logs.
func TestTheWrapperOnNodes(t *testing.T) {
	t.Parallel()
	large := "echo $Version by $(id -un) in $PWD\n" + strings.Repeat("# a comment that makes the script a large one\n", 1500) + "echo its end >&2\n"
	stage := "record: {bucket: shop-record}\n" + strings.NewReplacer("min: 2", "min: 1", "timeout: 1m, validate: {script: validate.sh,",
		"run-as: nobody, working-directory: /usr, timeout: 1m, output: {log-group: /shop/deploy}, validate: {script: validate.sh, run-as: nobody,").Replace(scriptStage)
	onNodes(t, func(t *testing.T, agent string) {
		s := startOn(t, agent, stage, map[string]string{"release.sh": large, "validate.sh": "id -un; test ! -e /no/such/file && cat /no/such/file"})
		result, _ := s.deploy(t, "run-1")
		if result.Verdict != ship.Failed {
			t.Fatalf("verdict %s: %+v %+v", result.Verdict, result.Problem, result.Steps)
		}
		user := "nobody"
		if os.Geteuid() != 0 {
			user = ".*" // the only one that there is
		}
		if got := scriptOf(t, result, 0, "release").Stdout; !regexp.MustCompile(`(?m)^v1 by ` + user + ` in /usr\nits end\n?$`).MatchString(got) {
			t.Errorf("release: %q", got)
		}
		got := scriptOf(t, result, 0, "validate")
		if !strings.Contains(got.Stdout, user+"\n") && os.Geteuid() == 0 || got.File != "validate.sh" || got.Line != 1 || got.Code != ship.CodeScriptFailed {
			t.Errorf("validate: %+v", got)
		}
	})
}

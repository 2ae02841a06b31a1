package ci

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rhysd/actionlint"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// Learned is what workflows that are there already tell of a release.
type Learned struct {
	Stages []Stage
	// Notes say what was taken from where: file:line, and what.
	Notes []string
}

// Stage is a stage of a release that is about to be written.
type Stage struct {
	Name string
	// Account is the account's short name, AccountID its 12 digits; empty where nothing is known.
	Account, AccountID string
	// Given says that the user named the account.
	Given     bool
	Region    string
	Instances []string
	Tags      []Tag
}

// Tag is a tag that the nodes of a stage have.
type Tag struct {
	Key    string
	Values []string
}

var (
	roleARN    = regexp.MustCompile(`arn:aws:iam::(\d{12}):role/`)
	instanceID = regexp.MustCompile(`^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$`)
	regionName = regexp.MustCompile(`^[a-z]{2}-[a-z]+-[0-9]$`)
	stageName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	tagTarget  = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^Key=tag:([\p{L}\p{N} _.:/=@-]{1,127}),Values=([\p{L}\p{N} _.:/=+@,-]+)$`)
	})
)

// Learn reads GitHub workflows, as well as that goes: accounts, regions, environments, and the targets of commands that
// the AWS CLI sends. What only a run would know is left out.
func Learn(files []File) Learned {
	var l Learned
	for _, file := range files {
		workflow, _ := actionlint.Parse([]byte(file.Content))
		if workflow == nil {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(workflow.Jobs)) {
			l.job(file.Name, workflow, workflow.Jobs[id])
		}
	}
	return l
}

// lesson is what one job tells.
type lesson struct {
	stage Stage
	notes []string
	file  string
	env   map[string]string
	sends bool
}

func (l *Learned) job(file string, workflow *actionlint.Workflow, job *actionlint.Job) {
	found := lesson{file: file, env: map[string]string{}}
	found.learnEnv(workflow.Env)
	found.learnEnv(job.Env)
	for _, step := range job.Steps {
		found.step(step)
	}
	if found.stage.AccountID == "" && !found.sends {
		return // it has nothing to do with AWS
	}
	if e := job.Environment; e != nil && e.Name != nil && stageName.MatchString(e.Name.Value) {
		found.stage.Name = e.Name.Value
		found.note(e.Name.Pos, "environment %s", e.Name.Value)
	}
	l.Notes = append(l.Notes, found.notes...)
	l.merge(found.stage)
}

// merge adds a stage, or what was not known of it: one job of it may build and another one deploy.
func (l *Learned) merge(s Stage) {
	at := slices.IndexFunc(l.Stages, func(known Stage) bool { return known.Name == s.Name })
	if at < 0 {
		l.Stages = append(l.Stages, s)
		return
	}
	known := &l.Stages[at]
	known.AccountID, known.Region = cmp.Or(known.AccountID, s.AccountID), cmp.Or(known.Region, s.Region)
	if len(known.Instances)+len(known.Tags) == 0 {
		known.Instances, known.Tags = s.Instances, s.Tags
	}
}

func (l *lesson) note(at *actionlint.Pos, format string, args ...any) {
	line := 1
	if at != nil {
		line = at.Line
	}
	l.notes = append(l.notes, fmt.Sprintf("%s:%d: ", l.file, line)+fmt.Sprintf(format, args...))
}

// learnEnv takes over variables whose values are constants. The innermost is read last.
func (l *lesson) learnEnv(env *actionlint.Env) {
	if env == nil {
		return
	}
	for _, v := range env.Vars {
		if v.Name == nil || v.Value == nil || strings.Contains(v.Value.Value, "${{") {
			continue
		}
		l.env[v.Name.Value] = v.Value.Value
		if name := v.Name.Value; name == "AWS_REGION" || name == "AWS_DEFAULT_REGION" {
			l.region(v.Value.Value, v.Value.Pos)
		}
	}
}

func (l *lesson) region(name string, at *actionlint.Pos) {
	if name = l.value(name); l.stage.Region == "" && regionName.MatchString(name) {
		l.stage.Region = name
		l.note(at, "region %s", name)
	}
}

// value is what a text stands for: $NAME and ${{ env.NAME }} are looked up.
func (l *lesson) value(text string) string {
	name := strings.TrimPrefix(text, "$")
	if inner, ok := strings.CutPrefix(text, "${{"); ok {
		name = strings.TrimPrefix(strings.TrimSpace(strings.TrimSuffix(inner, "}}")), "env.")
	}
	if value, ok := l.env[name]; ok && name != text {
		return value
	}
	return text
}

func (l *lesson) step(step *actionlint.Step) {
	l.learnEnv(step.Env)
	if action, ok := step.Exec.(*actionlint.ExecAction); ok && action.Uses != nil && strings.HasPrefix(action.Uses.Value, "aws-actions/configure-aws-credentials@") {
		if m := roleARN.FindStringSubmatch(l.value(input(action, "role-to-assume"))); m != nil && l.stage.AccountID == "" {
			l.stage.AccountID = m[1]
			l.note(action.Inputs["role-to-assume"].Value.Pos, "account %s", m[1])
		}
		if in := action.Inputs["aws-region"]; in != nil && in.Value != nil {
			l.region(in.Value.Value, in.Value.Pos)
		}
	}
	run, ok := step.Exec.(*actionlint.ExecRun)
	if !ok || run.Run == nil {
		return
	}
	for _, program := range programs(run.Run.Value) {
		if program.Runs("aws", "ssm", "send-command") {
			l.sends = true
			l.send(&program, step.Pos)
		}
	}
}

// programs are those that a script starts. A script that no shell would take has none.
func programs(script string) []shell.Call {
	return shell.Analyze(shell.Sequence{Scripts: []shell.Script{{Text: script}}}).Calls
}

// input gives an input of a step that uses an action.
func input(action *actionlint.ExecAction, name string) string {
	in := action.Inputs[name]
	if in == nil || in.Value == nil {
		return ""
	}
	return in.Value.Value
}

// most is how many tags, and values of a tag, Run Command takes.
const most = 5

// send reads the targets of a command.
func (l *lesson) send(send *shell.Call, at *actionlint.Pos) {
	if region, ok := send.Flag("--region"); ok {
		l.region(region.Written, at)
	}
	for _, word := range valuesOf(send, "--instance-ids") {
		for _, id := range strings.FieldsFunc(l.value(word), func(r rune) bool { return r == ' ' || r == ',' }) {
			if instanceID.MatchString(id) && !slices.Contains(l.stage.Instances, id) {
				l.stage.Instances = append(l.stage.Instances, id)
				l.note(at, "instance %s", id)
			}
		}
	}
	for _, word := range valuesOf(send, "--targets") {
		m := tagTarget().FindStringSubmatch(word)
		if m != nil && len(l.stage.Tags) < most && !slices.Contains(strings.Split(m[2], ","), "") && strings.Count(m[2], ",") < most {
			l.stage.Tags = append(l.stage.Tags, Tag{m[1], strings.Split(m[2], ",")})
			l.note(at, "tag %s=%s", m[1], m[2])
		}
	}
}

// valuesOf are the words that follow a flag, up to the next one.
func valuesOf(c *shell.Call, flag string) []string {
	words := c.Strings()
	at := slices.Index(words, flag)
	if at < 0 {
		return nil
	}
	words = words[at+1:]
	if end := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") }); end >= 0 {
		words = words[:end]
	}
	return words
}

package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/alecthomas/kong"

	"github.com/slipway-cd/slipway/internal/ci"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/plan"
)

type ciCommand struct {
	Render ciRenderCommand `cmd:"" help:"Write the pipeline that proves on pull requests and ships all stages."`
	Check  ciCheckCommand  `cmd:"" help:"Find mistakes in GitHub workflows that ship; --help lists which."`
}

type ciRenderCommand struct {
	Kind string `arg:"" enum:"github,codebuild" help:"github or codebuild."`
	releaseFlags
	Policies string `placeholder:"DIR" help:"The roles that the pipeline proves, in the layout of roles render, in place of the rendered ones."`
	Out      string `placeholder:"FILE" help:"Write this file; for codebuild a folder, with one buildspec a stage (default: stdout)."`
	Check    string `placeholder:"FILE" help:"Write nothing: exit 1 where this file is not what would be written. Pins of actions may differ."`
	Tags     string `placeholder:"PATTERN" help:"Of github: pushes of these tags deploy, in place of pushes to the branch."`
	Action   string `placeholder:"REF" help:"Of github: the commit or tag of slipway's own action (default: the commit of this slipway, or v1)."`
}

// Help shows examples under `slipway ci render --help`.
func (ciRenderCommand) Help() string {
	return `One job a stage: it waits for the stages that it needs, enters with GitHub's token, and has a timeout above those of
its commands. A stage with split: true gets a job that sends and a job that watches. The variable "version" is set to the
commit, or to the tag with --tags.

Examples:
  slipway ci render github --out .github/workflows/slipway.yml
  slipway ci render github --check .github/workflows/slipway.yml
  slipway ci render codebuild --out .`
}

// Run renders, or compares.
func (c *ciRenderCommand) Run(process *Process) error {
	if c.Out != "" && c.Check != "" {
		return usage(errors.New("--out writes and --check only compares"), "leave one of them out")
	}
	if c.Kind != "github" && (c.Tags != "" || c.Action != "") {
		return usage(errors.New("--tags and --action are of github"), "leave them out")
	}
	if c.Stage != "" {
		return usage(errors.New("a pipeline has all stages, and --stage names one"), "leave --stage out")
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	files, err := c.render(l)
	if err != nil {
		return usage(err, "")
	}
	switch {
	case c.Check != "":
		return c.compare(process, files)
	case c.Out != "":
		return c.write(process, files)
	}
	for _, file := range files {
		if len(files) > 1 {
			file.Content = "# " + file.Name + "\n" + file.Content
		}
		if _, err := io.WriteString(process.Stdout, file.Content); err != nil {
			return err
		}
	}
	return nil
}

// render gives the files with the names that --out and --check give them.
func (c *ciRenderCommand) render(l *loaded) ([]ci.File, error) {
	version, revision := readBuild().exact()
	o := ci.Options{
		File: filepath.ToSlash(filepath.Clean(c.File)), Set: c.Set, Policies: filepath.ToSlash(c.Policies),
		Tags: c.Tags, Action: c.Action, Module: version,
	}
	if o.Action == "" {
		o.Action = cmp.Or(revision, tagOf(version))
	}
	target := c.Out + c.Check
	if c.Kind == "github" {
		content, err := ci.GitHub(l.release, l.plan, o)
		return []ci.File{{Name: target, Content: content}}, err
	}
	files, err := ci.CodeBuild(l.release, l.plan, o)
	for i := range files {
		files[i].Name = filepath.Join(target, files[i].Name)
	}
	return files, err
}

// tagOf is the tag of a version that was released; empty for one that go made up from a commit.
func tagOf(version string) string {
	if released.MatchString(version) {
		return version
	}
	return ""
}

var released = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

func (c *ciRenderCommand) compare(process *Process, files []ci.File) error {
	due := false
	for _, file := range files {
		have, err := readBounded(file.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return &failure{code: exitFailed, err: fmt.Errorf("%s does not exist", file.Name), hint: "write it with --out"}
		}
		if err != nil {
			return usage(err, "")
		}
		drift := ci.Drift(file.Name, string(have), file.Content)
		if drift == "" {
			continue
		}
		due = true
		if _, err := fmt.Fprintln(process.Stdout, drift); err != nil {
			return err
		}
	}
	if due {
		return &failure{code: exitFailed, err: errors.New("the pipeline is not what the release needs"), hint: "render it again with --out in place of --check"}
	}
	return nil
}

func (c *ciRenderCommand) write(process *Process, files []ci.File) error {
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file.Name), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", file.Name, err)
		}
		if err := os.WriteFile(file.Name, []byte(file.Content), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", file.Name, err)
		}
		if _, err := fmt.Fprintln(process.Stderr, "wrote", file.Name); err != nil {
			return err
		}
	}
	return nil
}

type ciCheckCommand struct {
	Files []string `arg:"" name:"file" help:"GitHub workflows."`
	releaseFlags
	outputFlag
}

// checked are the findings that ci check tells; lint tells all.
var checked = []finding.Code{"SLW100", "SLW109", "SLW110", "SLW121", "SLW127", "SLW128"}

// Help shows examples under `slipway ci check --help`.
func (ciCheckCommand) Help() string {
	return `Findings:
  SLW100  GitHub would not accept the workflow
  SLW109  a job enters AWS with GitHub's token and may not ask for one
  SLW110  two runs could ship at the same time, or a newer run ends one that ships
  SLW121  a job or step ends before what it ships can have ended
  SLW127  slipway would refuse a command line: a flag that it does not know, a stage that the release does not have
  SLW128  a job or step succeeds although what it ships fails: || true, continue-on-error, a pipe without pipefail

Steps that run slipway are held against the release; those that run aws ssm send-command need none. "slipway lint" finds
more: how a script reads the status of what was sent, secrets, keys, and what a pipeline's role may not.

Exit codes: 0 nothing found; 1 findings; 2 wrong usage or a wrong file.

Examples:
  slipway ci check .github/workflows/*.yml
  slipway ci check -o json .github/workflows/deploy.yml`
}

// Run checks the files and prints what it found.
func (c *ciCheckCommand) Run(process *Process) error {
	p, err := c.release()
	if err != nil {
		return err
	}
	against := pipelines.Against{Plan: p, File: filepath.ToSlash(c.File), Usage: newJudge()}
	findings := []finding.Finding{}
	for _, name := range c.Files {
		content, err := readBounded(name)
		if err != nil {
			return usage(err, "")
		}
		for _, f := range pipelines.Check(name, content, against, nil) {
			if slices.Contains(checked, f.Code) {
				findings = append(findings, f)
			}
		}
	}
	if c.json() {
		err = writeJSON(process.Stdout, findings)
	}
	for _, finding := range findings {
		if err == nil && !c.json() {
			_, err = fmt.Fprintln(process.Stdout, finding)
		}
	}
	if err != nil || len(findings) == 0 {
		return err
	}
	return ended(exitFailed)
}

// newJudge gives a function that says what is wrong with arguments of slipway, without running anything. It is for many
// command lines, since making the grammar takes far longer than using it, and may be called from several goroutines.
func newJudge() func(arguments []string) error {
	var mu sync.Mutex
	parser := sync.OnceValues(func() (*kong.Kong, error) {
		return kong.New(&commands{}, kong.Name("slipway"), kong.Writers(io.Discard, io.Discard),
			kong.Exit(func(code int) { panic(stopped{code}) }))
	})
	return func(arguments []string) error {
		mu.Lock()
		defer mu.Unlock()
		parser, err := parser()
		if err != nil {
			return fmt.Errorf("command line: %w", err)
		}
		return judged(parser, arguments)
	}
}

func judged(parser *kong.Kong, arguments []string) (err error) {
	defer func() { // --help and --version end the parser: nothing is wrong with them
		if r := recover(); r != nil {
			if _, ok := r.(stopped); !ok {
				panic(r)
			}
		}
	}()
	_, err = parser.Parse(arguments)
	return err
}

// release is the plan of the release file. Where none is named and none is there, workflows are checked without.
func (c *ciCheckCommand) release() (*plan.Plan, error) {
	if _, err := os.Stat(c.File); errors.Is(err, fs.ErrNotExist) && c.File == defaultReleaseFile {
		return nil, nil
	}
	l, err := c.load()
	if err != nil {
		return nil, err
	}
	return l.plan, nil
}

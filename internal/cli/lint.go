package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/ui"
)

type lintCommand struct {
	Files         []string          `arg:"" optional:"" name:"file" help:"Files, or folders with some (default: this folder)."`
	Release       string            `short:"f" name:"release" placeholder:"FILE" help:"Hold pipelines against this release file (default: slipway.yaml, where there is one)."`
	Set           map[string]string `placeholder:"NAME=VALUE" help:"Give a variable of the release file a value. Repeatable."`
	Severity      finding.Severity  `enum:"error,warning,info" default:"info" help:"Tell only what is at least this: ${enum} (default: info)."`
	Fix           bool              `help:"Mend in place what can be mended safely."`
	Baseline      string            `placeholder:"FILE" help:"Tell only what this file does not have."`
	WriteBaseline string            `placeholder:"FILE" help:"Write what is found to this file, to be looked at later; exit 0."`
	Output        string            `short:"o" enum:"text,json,sarif,github" default:"text" help:"text, json, sarif, or github for annotations (default: text)."`
	needsFlags
}

// Help shows examples under `slipway lint --help`.
func (lintCommand) Help() string {
	return `Finds what keeps a pipeline from telling the truth about what it ships, and what roles have too much of, or in vain: in
GitHub workflows and actions, buildspecs and shell scripts; in policies, trust policies and roles, as JSON or YAML, in
templates of CloudFormation, plans of Terraform and account dumps; in documents of Systems Manager. Files are told apart by
what is in them. Needs no credentials and no network.

What is meant to be so is ignored by a comment with its reason, above the line or behind it:

  # slipway:ignore SLW004 the list action takes nothing else

"slipway explain CODE" tells more of a finding.

Exit codes: 0 nothing of severity error; 1 errors; 2 wrong usage, or a file or folder that cannot be
read: what is found in the others is told.

Examples:
  slipway lint
  slipway lint .github/workflows/*.yml policies/
  slipway lint --fix deploy.json
  slipway lint --write-baseline .slipway-lint.json && slipway lint --baseline .slipway-lint.json
  slipway lint -o sarif > slipway.sarif
  slipway lint --needs .github/workflows/deploy.yml > policy.json
  slipway lint --policies roles --role shop-dev-Deploy .github/workflows/deploy.yml
  slipway lint --policies 111111111111=roles.yaml --parameter Env=dev .github/workflows/deploy.yml`
}

// Run lints, and prints what was found.
func (c *lintCommand) Run(process *Process) error {
	if c.Baseline != "" && c.WriteBaseline != "" {
		return usage(errors.New("--baseline reads a file and --write-baseline writes one"), "leave one of them out")
	}
	if err := c.checkNeeds(); err != nil {
		return err
	}
	if err := mayBeBaseline(c.WriteBaseline); err != nil {
		return err
	}
	place, err := placeOf(".")
	if err != nil {
		return err
	}
	defer place.close()
	return c.run(process, place)
}

func (c *lintCommand) run(process *Process, place *repository) error {
	in, err := c.input(process, place)
	if err != nil {
		return err
	}
	if c.WriteBaseline != "" && place.partly() {
		return usage(errors.New("not everything could be read, and a baseline of a part is none of the whole: nothing was written"), "name the folders that can be read")
	}
	if err := c.do(process, place, in); err != nil {
		return err
	}
	if place.partly() {
		return ended(exitUsage)
	}
	return nil
}

// do finds, prints and writes what is asked for. What could not be read is not its matter.
func (c *lintCommand) do(process *Process, place *repository, in lint.Input) (err error) {
	if c.Needs {
		return c.printNeeds(process, in)
	}
	if in.Roles, err = c.given(process); err != nil {
		return err
	}
	in.Role = c.Role
	report := lint.Run(in)
	if c.Fix {
		if report, in, err = c.mend(process, place, in, report); err != nil {
			return err
		}
	}
	return c.tell(process, place, in, report)
}

// input reads what is to be linted.
func (c *lintCommand) input(process *Process, place *repository) (lint.Input, error) {
	in := lint.Input{Repository: place.files(), Set: c.Set}
	if !c.Needs { // which are what they are, whatever there is to be shipped
		var err error
		if in.Pipelines, err = c.against(process, place); err != nil {
			return in, err
		}
	}
	named := c.Files
	if len(named) == 0 {
		named = []string{"."}
	}
	wrong := place.readAll(named, &in)
	if len(in.Files) == 0 && wrong != nil {
		return in, usage(wrong, "")
	}
	for _, err := range place.unread {
		if _, err := fmt.Fprintf(process.Stderr, "not looked at: %s\n", finding.Printable(err.Error())); err != nil {
			return in, err
		}
	}
	if len(in.Files) == 0 {
		return in, usage(fmt.Errorf("%s: no file that lint knows", strings.Join(named, ", ")), "slipway lint --help lists what it reads")
	}
	return in, nil
}

// against is the plan that pipelines are held against: that of the release file, where one is named or there.
func (c *lintCommand) against(process *Process, place *repository) (pipelines.Against, error) {
	against := pipelines.Against{Usage: newJudge()}
	file := c.Release
	if file == "" {
		if _, err := os.Stat(defaultReleaseFile); errors.Is(err, fs.ErrNotExist) {
			if len(c.Set) > 0 {
				return against, usage(errors.New("--set gives a variable of a release file, and there is none here"), "name it with --release FILE")
			}
			return against, nil
		}
		file = defaultReleaseFile
	}
	l, err := releaseFlags{File: file, Set: c.Set}.load()
	if err != nil && c.Release == "" { // nobody named it: the rest is linted all the same, and the exit code says that it is a part
		place.missed = true
		newUI(process, outputFlag{}).Note("pipelines are not held against %s, which is wrong: %s", file, err)
		return against, nil
	}
	if err != nil {
		return against, err
	}
	against.Plan, against.File = l.plan, place.name(file)
	return against, nil
}

// mend carries out the fixes that are safe, and lints again.
func (c *lintCommand) mend(process *Process, place *repository, in lint.Input, report finding.Report) (finding.Report, lint.Input, error) {
	count := 0
	for i, f := range in.Files {
		ofFile := slices.DeleteFunc(slices.Clone(report.Findings), func(x finding.Finding) bool { return x.File != f.Name })
		fixed, mended, err := finding.Fix(f.Content, ofFile)
		if err != nil || len(mended) == 0 {
			if err != nil {
				return report, in, err
			}
			continue
		}
		if err := replaceFile(place.shown(f.Name), fixed, false); err != nil {
			return report, in, err
		}
		in.Files[i].Content = fixed
		count += len(mended)
		for _, m := range mended {
			if _, err := fmt.Fprintf(process.Stderr, "mended %s:%d: %s %s\n", place.shown(m.File), m.Line, m.Code, m.Message); err != nil {
				return report, in, err
			}
		}
	}
	if count == 0 && len(report.Findings) > 0 {
		_, err := fmt.Fprintln(process.Stderr, "nothing could be mended safely: each finding says what to write")
		return report, in, err
	}
	return lint.Run(in), in, nil
}

// tell prints the report, and decides about the exit code.
func (c *lintCommand) tell(process *Process, place *repository, in lint.Input, report finding.Report) error {
	content := func(file string) []byte { text, _ := in.Content(file); return text }
	looked := func(file string) bool { // or gone
		return slices.ContainsFunc(in.Files, func(f lint.File) bool { return f.Name == file }) || !exists(filepath.Join(place.root, filepath.FromSlash(file)))
	}
	if c.WriteBaseline != "" {
		baseline := finding.NewBaseline(report.Findings, content)
		if err := os.WriteFile(c.WriteBaseline, baseline.JSON(), 0o644); err != nil {
			return usage(err, "")
		}
		_, err := fmt.Fprintf(process.Stderr, "wrote %s: %s\n", c.WriteBaseline, finding.Count(report.Findings))
		return err
	}
	gone, err := c.leaveOut(&report, content, looked)
	if err != nil {
		return err
	}
	report.Findings = slices.DeleteFunc(report.Findings, func(f finding.Finding) bool { return !f.Severity.AtLeast(c.Severity) })
	if err := c.print(process, place, report, content); err != nil {
		return err
	}
	if c.Output == "text" {
		if err := summarize(process.Stderr, len(in.Files), report, gone); err != nil {
			return err
		}
	}
	if finding.Worst(report.Findings) == finding.Error && !place.partly() { // of a part, that it is one says more
		return ended(exitFailed)
	}
	return nil
}

// leaveOut takes out of the report what the baseline has.
func (c *lintCommand) leaveOut(report *finding.Report, content func(string) []byte, looked func(string) bool) (gone int, err error) {
	if c.Baseline == "" {
		return 0, nil
	}
	baseline, err := readBaseline(c.Baseline)
	if err != nil {
		return 0, err
	}
	report.Findings, gone = baseline.New(report.Findings, content, looked)
	return gone, nil
}

func (c *lintCommand) print(process *Process, place *repository, report finding.Report, content func(string) []byte) error {
	switch c.Output {
	case "json":
		if report.Findings == nil {
			report.Findings = []finding.Finding{}
		}
		return writeJSON(process.Stdout, report)
	case "sarif":
		text, err := finding.SARIF(report, lint.Rules(), versionText(), content)
		if err != nil {
			return err
		}
		_, err = process.Stdout.Write(text)
		return err
	}
	options := uiOptions(process, outputFlag{})
	if c.Output == "github" || options.GitHub != nil {
		to := process.Stderr
		if c.Output == "github" { // then they are what was asked for
			options.GitHub, to = &ui.GitHub{}, process.Stdout
		}
		terminal := ui.New(process.Stdout, to, options)
		for _, f := range report.Findings {
			terminal.Annotate(annotationOf(f))
		}
		if err := terminal.Err(); err != nil || c.Output == "github" {
			return err
		}
	}
	shown := slices.Clone(report.Findings)
	for i := range shown {
		shown[i].File = place.shown(shown[i].File)
	}
	_, err := io.WriteString(process.Stdout, finding.Text(shown))
	return err
}

// annotationOf shows a finding where a reviewer on GitHub sees it.
func annotationOf(f finding.Finding) ui.Annotation {
	return ui.Annotation{
		Warning: f.Severity != finding.Error, Notice: f.Severity == finding.Info, File: f.File, Line: f.Line, Column: f.Column,
		Title: string(f.Code), Message: f.Message + "; " + f.Fix,
	}
}

// summarize says how much was found.
func summarize(w io.Writer, files int, report finding.Report, gone int) error {
	text := fmt.Sprintf("%s in %s", finding.Count(report.Findings), counted(files, "file"))
	if n := len(report.Ignored); n > 0 {
		text += fmt.Sprintf("; %d ignored by comments", n)
	}
	if gone > 0 {
		text += fmt.Sprintf("; %s of the baseline %s not found any more: write it again", counted(gone, "finding"), map[bool]string{true: "is", false: "are"}[gone == 1])
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Job is a document with its parameters.
type Job struct {
	CommandID  string
	Document   json.RawMessage
	Parameters map[string]any // a string, a []string, or what JSON decodes those to
}

// Env is the machine that a document runs on.
type Env struct {
	Dir      string // of this command: scripts and complete output, made if missing
	WorkDir  string // where scripts run that name no directory
	Platform string // what precondition platformType is compared with: Linux
	// PowerShell says that the machine has one.
	PowerShell bool
	Now        func() time.Time
	// Exec runs a script to its end, or until ctx is done or its time is over.
	Exec func(ctx context.Context, s Script) Exit
	// Output hears of each script before it runs; the function that it gives is called when the output is complete. It
	// may be nil.
	Output func(ctx context.Context, o Output) (end func())
	// Fetch reads an object of a bucket. It may be nil: then there are none.
	Fetch func(ctx context.Context, bucket, key string) ([]byte, error)
	// Parameters reads parameters of Parameter Store, of which those that are not there are left out. It may be nil: then
	// steps that refer to some fail.
	Parameters func(ctx context.Context, names []string) ([]StoreParameter, error)
}

// Script is one run of a shell script.
type Script struct {
	Path    string
	WorkDir string
	Env     []string // beyond the node's own: SSM_COMMAND_ID and the parameters
	Timeout time.Duration
	// Stdout and Stderr are files, not pipes: an application that a script leaves in the background may hold them
	// for ever, and must neither make the script seem unfinished nor die of a closed pipe.
	Stdout, Stderr *os.File
}

// Exit is how a script ended.
type Exit struct {
	Code      int    // -1 when a signal ended it, 137 when it was stopped for time or by a cancel
	Cancelled bool   // ctx was done before it ended
	How       string // exit status 3, or signal: killed; made of Code if empty
	Err       error
}

// Run runs a document and gives what came of it; report, which may be nil, hears of each step as it ends. Run itself
// touches no more than files in env.Dir.
func Run(ctx context.Context, job Job, env Env, report func(StepResult)) Result {
	p, err := parse(job.Document, job.Parameters, newReferences(ctx, env.Parameters))
	if err != nil && ctx.Err() != nil {
		return Result{Status: Cancelled} // while it read parameters
	}
	if err != nil {
		return Result{Status: Failed, Trace: err.Error()}
	}
	if report == nil {
		report = func(StepResult) {}
	}
	r := runner{job: job, env: env, program: p}
	var result Result
	for _, s := range p.steps {
		one := r.step(ctx, s)
		result.Steps = append(result.Steps, one)
		report(one)
	}
	result.Status = aggregate(result.Steps)
	return result
}

// runner carries a document from step to step.
type runner struct {
	job      Job
	env      Env
	program  program
	left     string // why the remaining steps are skipped; empty while they are not
	rebooted bool   // left, because a script asked for a reboot
}

func (r *runner) step(ctx context.Context, s step) StepResult {
	result := StepResult{Name: s.name, Action: s.action, Start: r.env.Now()}
	what, why := r.decide(s)
	switch {
	case what == skipStep:
		result.Status, result.Output = Skipped, why
	case what == failStep:
		result.Status, result.Code, result.Output = Failed, 1, limit(why, maxOutput)
	case ctx.Err() != nil:
		result.Status, result.Code = Cancelled, 1
	case s.action != runShellScript && s.action != downloadContent:
		result.failed(r.notHere(s.action))
	case s.invalid != nil:
		result.failed(s.invalid)
	case s.download != nil:
		r.download(ctx, s, &result)
	default:
		r.run(ctx, s, &result)
	}
	r.after(s, &result, what == runStep)
	result.StandardOutput = limit(result.StandardOutput, maxStdout)
	result.StandardError = limit(result.StandardError, maxStderr)
	result.End = r.env.Now()
	return result
}

func (s *StepResult) failed(err error) {
	s.Status, s.Code, s.StandardError = Failed, 1, err.Error()
	s.Output = mergeOutput("", s.StandardError, maxOutput)
}

const runPowerShellScript = "aws:runPowerShellScript"

// notHere says why a plugin does not run. PowerShell the agent would run, where there is one.
func (r *runner) notHere(plugin string) error {
	if plugin == runPowerShellScript && !r.env.PowerShell {
		return errors.New("failed to run commands: fork/exec /usr/bin/pwsh: no such file or directory")
	}
	return fmt.Errorf("plugin %s is not supported by the built-in node", plugin)
}

// run executes a step's scripts one after the other, all of them: the agent does not stop at the first that fails.
func (r *runner) run(ctx context.Context, s step, result *StepResult) {
	for _, input := range s.scripts {
		exit, stdout, stderr := r.script(ctx, s, input)
		result.StandardOutput = appendText(result.StandardOutput, stdout)
		result.StandardError = appendText(result.StandardError, stderr)
		if result.Code == 0 {
			result.Code = exit.Code
		}
		result.Status = merge(result.Status, statusOf(exit))
	}
	shown := result.StandardError
	if result.Code == exitSuccessSkip {
		shown = ""
	}
	result.Output = mergeOutput(result.StandardOutput, shown, maxOutput)
}

// appendText joins the output of several scripts of one plugin.
func appendText(before, text string) string {
	if before == "" {
		return text
	}
	return before + "\n" + text
}

// after turns the result of a step that was run as its code and modifiers say, and decides about the steps that follow.
func (r *runner) after(s step, result *StepResult, ran bool) {
	exits := result.Status == Failed && (s.onFailure == "exit" || ran && s.onFailure == "successAndExit") ||
		result.Status == Success && s.onSuccess == "exit"
	switch {
	case result.Code == exitSuccessSkip:
		result.Status, result.StandardError = Success, ""
		result.StandardOutput += textSuccessSkip
	case result.Code == exitFailedSkip:
		result.StandardOutput += textFailedSkip
		result.StandardError += textFailedSkip
	case result.Code == exitReboot:
		r.rebooted = true
	case !exits:
		return
	case result.Status == Failed && ran:
		result.StandardOutput += textOnFailure
		result.StandardError += textOnFailure
		if s.onFailure == "successAndExit" {
			result.Status, result.Code = Success, exitSuccessSkip
		}
	}
	if r.left == "" {
		r.left = "step " + s.name + " exited with " + strconv.Itoa(result.Code)
	}
}

// script writes the commands to a file and runs it.
func (r *runner) script(ctx context.Context, s step, input scriptInput) (exit Exit, stdout, stderr string) {
	dir := filepath.Join(r.env.Dir, directoryName(s.name), directoryName(input.ID))
	files, err := openCommands(filepath.Dir(r.env.Dir), dir)
	if err != nil {
		return Exit{Code: 1}, "", fmt.Sprintf("make the command's directory: %v", err)
	}
	defer func() { _ = files.Close() }()
	path := filepath.Join(dir, "_script.sh")
	// The file is executed, not read by sh: a shebang counts, if it is the very first line.
	if err := files.writeExecutable("_script.sh", []byte(strings.Join(input.Commands, "\n")+"\n")); err != nil {
		return Exit{Code: 1}, "", fmt.Sprintf("write the script: %v", err)
	}
	out, errs, err := files.output()
	if err != nil {
		return Exit{Code: 1}, "", err.Error()
	}
	defer out.Close()
	defer errs.Close()
	end := r.output(ctx, s, input, out, errs)
	exit = r.env.Exec(ctx, Script{
		Path:    path,
		WorkDir: r.workDir(input.WorkingDir),
		Env:     append([]string{"SSM_COMMAND_ID=" + r.job.CommandID}, r.program.env...),
		Timeout: input.Timeout,
		Stdout:  out,
		Stderr:  errs,
	})
	// What the agent says about the end is part of stderr, wherever that goes.
	_, err = errs.WriteString(remark(exit))
	end()
	stdout, outErr := readHead(out, maxStdout)
	stderr, errErr := readHead(errs, maxStderr)
	if err := errors.Join(err, outErr, errErr); err != nil {
		return Exit{Code: 1}, stdout, stderr + err.Error()
	}
	return exit, stdout, stderr
}

// output tells where the complete output goes that a script begins.
func (r *runner) output(ctx context.Context, s step, input scriptInput, stdout, stderr *os.File) (end func()) {
	if r.env.Output == nil {
		return func() {}
	}
	script := s.name
	if s.name == s.action { // schema 1.2
		script = input.ID
	}
	return r.env.Output(ctx, Output{Plugin: s.action, ID: s.name, Script: script, Stdout: stdout, Stderr: stderr})
}

// remark is what is added to the stderr of a script that failed.
func remark(exit Exit) string {
	switch {
	case exit.Code == exitReboot:
		return rebootRefused
	case statusOf(exit) == Failed:
		return failure(exit)
	}
	return ""
}

// readHead gives the first size bytes of a file, made valid UTF-8.
func readHead(f *os.File, size int64) (string, error) {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
	if err != nil {
		return "", fmt.Errorf("read the script's output: %w", err)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

// workDir follows the agent: an absolute path, else a directory below downloads if it is there, else the default.
func (r *runner) workDir(named string) string {
	if filepath.IsAbs(named) {
		return named
	}
	if named != "" && filepath.IsLocal(named) {
		dir := filepath.Join(r.env.Dir, downloadsDir, named)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return r.env.WorkDir
}

// directoryName makes a directory's name of a step's: no colon as in the plugin's name, nothing that leads outside.
func directoryName(name string) string {
	clean := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return -1
	}, name)
	if strings.Trim(clean, ".") == "" {
		return "step" + clean
	}
	return clean
}

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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
	Now      func() time.Time
	// Exec runs a script to its end, or until ctx is done or its time is over.
	Exec func(ctx context.Context, s Script) Exit
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
	Code      int  // -1 when a signal ended it, 137 when it was stopped for time or by a cancel
	Cancelled bool // ctx was done before it ended
	Err       error
}

// Run runs a document and gives what came of it; report, which may be nil, hears of each step as it ends. Run itself
// touches no more than files in env.Dir.
func Run(ctx context.Context, job Job, env Env, report func(StepResult)) Result {
	p, err := parse(job.Document, job.Parameters)
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
	job     Job
	env     Env
	program program
	left    string // why the remaining steps are skipped; empty while they are not
}

func (r *runner) step(ctx context.Context, s step) StepResult {
	result := StepResult{Name: s.name, Action: s.action, Start: r.env.Now()}
	switch reason := r.skip(s); {
	case ctx.Err() != nil:
		result.Status, result.Code = Cancelled, 1
	case r.left != "" && !s.finally:
		result.skipped("Step execution skipped because " + r.left + ". Step name: " + s.name)
	case s.refused() != nil:
		result.failed(s.refused())
	case reason != "":
		result.skipped(reason)
	case s.action != runShellScript:
		result.failed(fmt.Errorf("plugin %s is not supported by the built-in node", s.action))
	case s.invalid != nil:
		result.failed(s.invalid)
	default:
		r.run(ctx, s, &result)
	}
	r.after(s, &result)
	result.End = r.env.Now()
	return result
}

func (s *StepResult) skipped(why string) { s.Status, s.Output = Skipped, why }

func (s *StepResult) failed(err error) {
	s.Status, s.Code, s.StandardError = Failed, 1, limit(err.Error(), maxStderr)
	s.Output = mergeOutput("", s.StandardError, maxOutput)
}

// refused checks the precondition's form. Only StringEquals with platformType on one side is known; anything else
// fails the step, as in the agent.
func (s step) refused() error {
	if len(s.precondition) > 0 && !s.preconditions {
		return fmt.Errorf("precondition is not supported for document schema version prior to 2.2. Step name: %s", s.name)
	}
	for operator, args := range s.precondition {
		if operator != "StringEquals" || len(args) != 2 || (args[0] == "platformType") == (args[1] == "platformType") {
			return fmt.Errorf("unrecognized precondition: %q: %q. Step name: %s", operator, args, s.name)
		}
	}
	return nil
}

// skip tells whether the precondition is for another platform.
func (r *runner) skip(s step) string {
	args := s.precondition["StringEquals"]
	if len(args) != 2 {
		return ""
	}
	want := args[0]
	if want == "platformType" {
		want = args[1]
	}
	if strings.EqualFold(want, r.env.Platform) {
		return ""
	}
	return "Step execution skipped due to incompatible platform. Step name: " + s.name
}

// run executes a step's scripts one after the other. The first that fails decides the step's status and code.
func (r *runner) run(ctx context.Context, s step, result *StepResult) {
	var stdout, stderr strings.Builder
	result.Status = Success
	for i, input := range s.scripts {
		exit, out, errText := r.script(ctx, filepath.Join(r.env.Dir, directoryName(s.name), directoryName(input.ID)), input)
		status, skip := statusOf(exit)
		if exit.Code == exitReboot {
			errText = appendLine(errText, rebootRefused)
		}
		if status == Failed {
			errText = appendLine(errText, failure(exit))
		}
		if skip {
			r.left = "step " + s.name + " exited with " + strconv.Itoa(exit.Code)
		}
		stdout.WriteString(out)
		stderr.WriteString(errText)
		if i == 0 || result.Status == Success {
			result.Status, result.Code = status, exit.Code
		}
		if skip {
			break
		}
	}
	result.StandardOutput = limit(stdout.String(), maxStdout)
	result.StandardError = limit(stderr.String(), maxStderr)
	result.Output = mergeOutput(result.StandardOutput, result.StandardError, maxOutput)
}

// after applies onFailure and onSuccess.
func (r *runner) after(s step, result *StepResult) {
	failed := result.Status == Failed || result.Status == TimedOut
	switch {
	case failed && s.onFailure == "exit":
		r.left = "step " + s.name + " failed"
	case failed && s.onFailure == "successAndExit":
		r.left = "step " + s.name + " failed"
		if result.Status == Failed { // uncertain: whether a timeout is turned into a success as well
			result.Status = Success
		}
	case result.Status == Success && s.onSuccess == "exit":
		r.left = "step " + s.name + " succeeded"
	}
}

// script writes the commands to a file and runs it.
func (r *runner) script(ctx context.Context, dir string, input scriptInput) (exit Exit, stdout, stderr string) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Exit{Code: 1, Err: fmt.Errorf("make the command's directory: %w", err)}, "", ""
	}
	path := filepath.Join(dir, "_script.sh")
	// The file is executed, not read by sh: a shebang counts, if it is the very first line.
	if err := writeExecutable(path, []byte(strings.Join(input.Commands, "\n")+"\n"), 0o700); err != nil {
		return Exit{Code: 1, Err: fmt.Errorf("write the script: %w", err)}, "", ""
	}
	out, errs, err := outputFiles(dir)
	if err != nil {
		return Exit{Code: 1, Err: err}, "", ""
	}
	defer out.Close()
	defer errs.Close()
	exit = r.env.Exec(ctx, Script{
		Path:    path,
		WorkDir: r.workDir(input.WorkingDir),
		Env:     append([]string{"SSM_COMMAND_ID=" + r.job.CommandID}, r.program.env...),
		Timeout: input.Timeout,
		Stdout:  out,
		Stderr:  errs,
	})
	if stdout, err = readHead(out, maxStdout+1); err != nil && exit.Err == nil {
		exit = Exit{Code: 1, Err: err}
	}
	if stderr, err = readHead(errs, maxStderr+1); err != nil && exit.Err == nil {
		exit = Exit{Code: 1, Err: err}
	}
	return exit, stdout, stderr
}

// outputFiles are opened for appending, so that several processes that write do not overwrite each other.
func outputFiles(dir string) (stdout, stderr *os.File, err error) {
	const flags = os.O_CREATE | os.O_TRUNC | os.O_RDWR | os.O_APPEND
	if stdout, err = os.OpenFile(filepath.Join(dir, "stdout"), flags, 0o600); err != nil {
		return nil, nil, fmt.Errorf("keep the script's output: %w", err)
	}
	if stderr, err = os.OpenFile(filepath.Join(dir, "stderr"), flags, 0o600); err != nil {
		stdout.Close()
		return nil, nil, fmt.Errorf("keep the script's output: %w", err)
	}
	return stdout, stderr, nil
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
		dir := filepath.Join(r.env.Dir, "downloads", named)
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

func appendLine(s, line string) string {
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s + line
}

// writeExecutable writes a script that is about to be executed. No process is forked meanwhile: between its fork and
// its exec a child holds the open file, and a file that anybody may still write to cannot be executed (ETXTBSY).
func writeExecutable(path string, content []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, mode)
}

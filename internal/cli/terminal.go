package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/slipway-cd/slipway/internal/ui"
)

// newUI draws for a command that does not ship.
func newUI(process *Process, o outputFlag) *ui.UI {
	return ui.New(process.Stdout, process.Stderr, uiOptions(process, o))
}

// shippingUI draws for a command that ships, or watches what was shipped: end must be called before the command ends, and
// leaves the terminal as it was. onInterrupt is what the first Ctrl-C brings about, in words: it is said at once.
func shippingUI(ctx context.Context, process *Process, o outputFlag, l *loaded, onInterrupt string) (terminal *ui.UI, end func()) {
	options := uiOptions(process, o)
	if options.GitHub != nil {
		options.GitHub.Folder = folderIn(process.Getenv("GITHUB_WORKSPACE"), filepath.Dir(l.flags.File))
	}
	readers := outlivesReaders()
	terminal = ui.New(unread{process.Stdout}, unread{process.Stderr}, options)
	process.Stderr = terminal.Stderr() // what others say meanwhile must not be written into the table
	ended := terminal.Begin(subject(l))
	stop := context.AfterFunc(ctx, func() { terminal.Interrupt(onInterrupt) })
	once := sync.OnceFunc(func() { // also where a second signal ends the program meanwhile
		stop()
		ended()
	})
	process.leaving.begin(func(text string) {
		once()
		terminal.Warn("%s", text)
	})
	return terminal, func() {
		once()
		readers()
	}
}

// subject is what the release says of what is shipped.
func subject(l *loaded) ui.Subject {
	s := ui.Subject{App: l.release.App, Version: l.release.Variables["version"], Steps: map[string][]string{}, Silent: map[string][]string{}}
	for _, stage := range l.plan.Stages {
		for _, step := range stage.Steps {
			s.Steps[stage.Name] = append(s.Steps[stage.Name], step.Name)
			if step.Output.LogGroup == "" {
				s.Silent[stage.Name] = append(s.Silent[stage.Name], step.Name)
			}
		}
	}
	return s
}

// uiOptions finds out what the process was started in.
func uiOptions(process *Process, o outputFlag) ui.Options {
	options := ui.Options{JSON: o.json()}
	person := process.Getenv("CI") == "" && isTerminal(process.Stderr)
	options.Color = person && process.Getenv("NO_COLOR") == ""
	if kind := process.Getenv("TERM"); person && kind != "" && kind != "dumb" {
		options.Size = sizeOf(process.Stderr.(*os.File))
		options.Reflows = reflows(kind, process.Getenv)
	}
	if isTerminal(process.Stdout) {
		options.Width, _ = sizeOf(process.Stdout.(*os.File))()
	}
	if process.Getenv("GITHUB_ACTIONS") == "true" {
		options.GitHub = &ui.GitHub{Summary: appended(process, "GITHUB_STEP_SUMMARY"), Outputs: appended(process, "GITHUB_OUTPUT")}
	}
	return options
}

// isTerminal says whether a person looks at w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// sizeOf gives a terminal's size whenever it is asked for.
func sizeOf(file *os.File) func() (columns, rows int) {
	return func() (int, int) {
		const usualColumns, usualRows = 80, 24
		columns, rows, err := term.GetSize(int(file.Fd()))
		if err != nil || columns <= 0 || rows <= 0 {
			return usualColumns, usualRows
		}
		return columns, rows
	}
}

// reflows says whether a terminal breaks long lines anew when it becomes narrower. Nearly all do; those that do not are
// known by name.
func reflows(kind string, getenv func(string) string) bool {
	if getenv("TMUX") != "" {
		return true
	}
	for _, not := range []string{"linux", "rxvt", "st-", "screen", "vt"} {
		if strings.HasPrefix(kind, not) {
			return false
		}
	}
	return getenv("XTERM_VERSION") == ""
}

// folderIn is a folder relative to the workspace, with slashes; empty where it is not inside of it.
func folderIn(workspace, folder string) string {
	absolute, err := filepath.Abs(folder)
	if err != nil || workspace == "" {
		return ""
	}
	relative, err := filepath.Rel(workspace, absolute)
	if err != nil || relative == "." || strings.HasPrefix(relative, "..") {
		return ""
	}
	return filepath.ToSlash(relative)
}

// appended is the file that a variable names; nil without one.
func appended(process *Process, variable string) io.Writer {
	if name := process.Getenv(variable); name != "" {
		return appendFile(name)
	}
	return nil
}

// appendFile is a file to which every Write appends. It is open only as long as that takes.
type appendFile string

func (name appendFile) Write(p []byte) (n int, err error) {
	const mode = 0o644 // the runner made it before
	file, err := os.OpenFile(string(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	if n, err = file.Write(p); err != nil {
		_ = file.Close()
		return n, err
	}
	return n, file.Close()
}

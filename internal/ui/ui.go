// Package ui is the only code that writes to the terminal.
//
// Data goes to stdout, everything else to stderr. It decides nothing about what happened: events, results and errors
// come in as values and are drawn as lines for people, or as one JSON document a line for programs. Whether there is a
// terminal, how wide it is, and whether colour is wanted is handed in.
package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

// Options says how to draw, and where: nothing about the surroundings is found out here.
type Options struct {
	JSON  bool // one JSON document a line on stdout, in place of text
	Color bool
	Width int // columns of the terminal; 0 when it is not known
	// Size gives the terminal's columns and rows, at every frame. nil where stderr is no terminal that a table can be
	// drawn on again and again: then progress is lines.
	Size func() (columns, rows int)
	// Reflows is true of a terminal that breaks long lines anew when it becomes narrower.
	Reflows bool
	// GitHub is set in a job of GitHub Actions.
	GitHub *GitHub
	// Now is the clock, and Every calls do again and again until stop is called, which waits for a call that runs. nil
	// means the real ones.
	Now   func() time.Time
	Every func(d time.Duration, do func()) (stop func())
}

// UI draws. It is safe for concurrent use.
type UI struct {
	out, err io.Writer
	o        Options

	mu sync.Mutex // over what follows
	// model is the deploy as the events have it; keys are private keys that nodes began to print.
	model model
	keys  map[string]*release.LineRedactor
	// lastLine is when the last line about a deploy was drawn.
	lastLine time.Time
	// lockTold is when it was last said that the lock is waited for; zero when it is not.
	lockTold time.Time
	// live is true between Begin and the end of it, on a terminal; pending is what will stand above the table then.
	live    bool
	pending strings.Builder
	// interrupted is what the user's Ctrl-C brought about.
	interrupted string
	github      github

	wmu sync.Mutex // over the writers; never waited for with mu held
	// failed is the first error of a writer: a closed pipe must not go unnoticed.
	failed error
	screen screen
}

// New makes a UI. In JSON mode stderr carries nothing but what could not be written as JSON.
func New(stdout, stderr io.Writer, o Options) *UI {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == nil {
		o.Every = every
	}
	u := &UI{out: stdout, err: stderr, o: o, keys: map[string]*release.LineRedactor{}, screen: screen{reflows: o.Reflows}}
	if o.GitHub != nil {
		u.github.folder = o.GitHub.Folder
	}
	return u
}

// Err gives the first error that writing met; nil when all was written.
func (u *UI) Err() error {
	u.wmu.Lock()
	defer u.wmu.Unlock()
	return u.failed
}

// Print writes data, a text with its line break, to stdout.
func (u *UI) Print(text string) { u.write(u.out, clean(text)+"\n") }

// Note writes a line that is not data to stderr. In JSON mode it is a document of type "note".
func (u *UI) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !u.o.JSON {
		text = clean(text)
	}
	u.note("%s", text)
}

// note is Note for a text of this package, which may have colours in it.
func (u *UI) note(format string, args ...any) {
	text := release.RedactOutput(fmt.Sprintf(format, args...))
	if u.o.JSON {
		u.document("note", map[string]any{"message": text})
		return
	}
	u.write(u.err, text+"\n")
}

// Warn writes a warning to stderr. In JSON mode it is a document of type "warning".
func (u *UI) Warn(format string, args ...any) {
	text := release.RedactOutput(fmt.Sprintf(format, args...))
	if u.o.JSON {
		u.document("warning", map[string]any{"message": text})
		return
	}
	if u.o.GitHub != nil {
		u.command("warning", nil, text)
		return
	}
	u.write(u.err, u.paint(yellow, "warning: ")+clean(text)+"\n")
}

// JSON writes v as indented JSON to stdout, for commands whose whole output is one document.
func (u *UI) JSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	u.write(u.out, string(uncommanded(text))+"\n")
	return nil
}

// Hinter is an error that knows what would help.
type Hinter interface{ Hint() string }

// Error writes an error, and what would help where it knows it.
func (u *UI) Error(err error) {
	if err == nil {
		return
	}
	message, hint := release.RedactOutput(err.Error()), ""
	var h Hinter
	if errors.As(err, &h) {
		hint = release.RedactOutput(h.Hint())
	}
	if u.o.JSON {
		fields := map[string]any{"message": message}
		if hint != "" {
			fields["hint"] = hint
		}
		u.document("error", fields)
		return
	}
	text := u.paint(red, "error: ") + clean(message) + "\n"
	if hint != "" {
		text += u.paint(bold, "hint: ") + clean(hint) + "\n"
	}
	u.write(u.err, text)
}

// document writes one JSON line with a type. v marshals to an object.
func (u *UI) document(kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		u.write(u.err, fmt.Sprintf("error: write %s as JSON: %v\n", kind, err))
		return
	}
	body = uncommanded(body)
	line := fmt.Sprintf(`{"type":%q`, kind)
	if rest := strings.TrimPrefix(string(body), "{"); rest != "}" {
		line += "," + rest
	} else {
		line += "}"
	}
	u.write(u.out, line+"\n")
}

// uncommanded is JSON in which no ##[ stands, for which the runner might take a line of a job's log as its command: within
// a string it can be written otherwise.
func uncommanded(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("##["), []byte(`##\u005b`))
}

// Stderr is for those that write lines to stderr by themselves, the log of a local AWS for one: above the table.
func (u *UI) Stderr() io.Writer { return lineWriter{u} }

type lineWriter struct{ u *UI }

func (w lineWriter) Write(p []byte) (int, error) {
	w.u.write(w.u.err, string(p))
	return len(p), w.u.Err()
}

// write writes text, above the live table where there is one.
func (u *UI) write(w io.Writer, text string) {
	if u.o.GitHub != nil {
		text = harmless(text)
	}
	u.raw(w, text)
}

// put writes with wmu held.
func (u *UI) put(w io.Writer, text string) {
	if text == "" {
		return
	}
	if _, err := io.WriteString(w, text); err != nil && u.failed == nil {
		u.failed = fmt.Errorf("write output: %w", err)
	}
}

// Package ui is the only code that writes to the terminal.
//
// Data goes to stdout, everything else to stderr. It decides nothing about what happened: events, results and errors
// come in as values and are drawn as lines for people, or as one JSON document a line for programs. Whether there is a
// terminal, how wide it is, and whether colour is wanted is handed in.
package ui

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Options says how to draw.
type Options struct {
	JSON  bool // one JSON document a line on stdout, in place of text
	Color bool
	Width int // columns of the terminal; 0 when it is not known
}

// UI draws. It is safe for concurrent use.
type UI struct {
	out, err io.Writer
	o        Options

	mu sync.Mutex
	// lastLine is when the last line about a deploy was drawn, by the events' clock.
	lastLine time.Time
	// failed is the first error of a writer: a closed pipe must not go unnoticed.
	failed error
}

// New makes a UI. In JSON mode stderr carries nothing but what could not be written as JSON.
func New(stdout, stderr io.Writer, o Options) *UI {
	return &UI{out: stdout, err: stderr, o: o}
}

// Err gives the first error that writing met; nil when all was written.
func (u *UI) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

// Print writes data, a text with its line break, to stdout.
func (u *UI) Print(text string) { u.write(u.out, text+"\n") }

// Note writes a line that is not data to stderr. In JSON mode it is a document of type "note".
func (u *UI) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if u.o.JSON {
		u.document("note", map[string]any{"message": text})
		return
	}
	u.write(u.err, text+"\n")
}

// Warn writes a warning to stderr. In JSON mode it is a document of type "warning".
func (u *UI) Warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if u.o.JSON {
		u.document("warning", map[string]any{"message": text})
		return
	}
	u.write(u.err, u.paint(yellow, "warning: ")+text+"\n")
}

// JSON writes v as indented JSON to stdout, for commands whose whole output is one document.
func (u *UI) JSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	u.write(u.out, string(text)+"\n")
	return nil
}

// Hinter is an error that knows what would help.
type Hinter interface{ Hint() string }

// Error writes an error, and what would help where it knows it.
func (u *UI) Error(err error) {
	if err == nil {
		return
	}
	hint := ""
	var h Hinter
	if errors.As(err, &h) {
		hint = h.Hint()
	}
	if u.o.JSON {
		fields := map[string]any{"message": err.Error()}
		if hint != "" {
			fields["hint"] = hint
		}
		u.document("error", fields)
		return
	}
	text := u.paint(red, "error: ") + clean(err.Error()) + "\n"
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
	line := fmt.Sprintf(`{"type":%q`, kind)
	if rest := strings.TrimPrefix(string(body), "{"); rest != "}" {
		line += "," + rest
	} else {
		line += "}"
	}
	u.write(u.out, line+"\n")
}

func (u *UI) write(w io.Writer, text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, err := io.WriteString(w, text); err != nil && u.failed == nil {
		u.failed = fmt.Errorf("write output: %w", err)
	}
}

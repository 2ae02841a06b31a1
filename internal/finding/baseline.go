package finding

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Baseline is what was found before and is to be looked at later: only what is new is told. A finding is known again by
// its rule, its file, what it says and the text of its line, so that it may move within the file.
type Baseline struct {
	Version  int     `json:"version"`
	Findings []Known `json:"findings"`
}

// Known is a finding of a baseline.
type Known struct {
	Code        Code   `json:"code"`
	File        string `json:"file"`
	Message     string `json:"message"`
	Fingerprint string `json:"fingerprint"`
}

const baselineVersion = 1

// ErrNoBaseline is a file that is something else.
var ErrNoBaseline = errors.New("not a baseline")

// ReadBaseline reads what [Baseline.JSON] wrote, also where an editor put a byte order mark before it. The error is
// [ErrNoBaseline] where the text is something else.
func ReadBaseline(text []byte) (*Baseline, error) {
	b := &Baseline{}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.DisallowUnknownFields()
	err := d.Decode(b)
	if _, more := d.Token(); err == nil && more != io.EOF {
		err = errors.New("something follows it")
	}
	if err != nil || b.Version == 0 {
		return nil, noBaseline(err)
	}
	if b.Version != baselineVersion {
		return nil, fmt.Errorf("a baseline of version %d, and this slipway reads version %d", b.Version, baselineVersion)
	}
	return b, nil
}

// noBaseline says what a file is in place of a baseline, without the words of Go's decoder.
func noBaseline(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is empty", ErrNoBaseline)
	case errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it is not JSON, or cut off", ErrNoBaseline)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("%w: it is a JSON %s, and a baseline is an object with version and findings", ErrNoBaseline, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%w: its %s is a %s", ErrNoBaseline, kind.Field, kind.Value)
	case err == nil:
		return fmt.Errorf("%w: it has no version", ErrNoBaseline)
	}
	return fmt.Errorf("%w: %s", ErrNoBaseline, strings.TrimPrefix(err.Error(), "json: "))
}

// NewBaseline is the baseline that has all of the findings. content gives the text of a file.
func NewBaseline(findings []Finding, content func(file string) []byte) *Baseline {
	b := &Baseline{Version: baselineVersion, Findings: []Known{}}
	for i, print := range Fingerprints(findings, content) {
		f := findings[i]
		b.Findings = append(b.Findings, Known{Code: f.Code, File: f.File, Message: f.Message, Fingerprint: print})
	}
	return b
}

// JSON is the baseline as it is kept, in the order of its files.
func (b *Baseline) JSON() []byte {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		panic(err) // strings and numbers can be written
	}
	return append(text, '\n')
}

// New leaves out the findings that the baseline has. gone is how many the baseline has, of the files that were looked at,
// that were not found again.
func (b *Baseline) New(findings []Finding, content func(file string) []byte, looked func(file string) bool) (left []Finding, gone int) {
	known, counts := map[string]bool{}, map[string]bool{}
	for _, k := range b.Findings {
		known[k.Fingerprint], counts[k.Fingerprint] = true, looked(k.File)
	}
	for i, print := range Fingerprints(findings, content) {
		if known[print] {
			delete(known, print)
			continue
		}
		left = append(left, findings[i])
	}
	for print := range known {
		if counts[print] {
			gone++
		}
	}
	return left, gone
}

// Fingerprints tell findings apart without their line numbers, one for each. Equal ones in a file are counted.
func Fingerprints(findings []Finding, content func(file string) []byte) []string {
	prints, count := make([]string, len(findings)), map[string]int{}
	lines := map[string][]string{}
	for i, f := range findings {
		text, ok := lines[f.File]
		if !ok {
			text = strings.Split(string(content(f.File)), "\n")
			lines[f.File] = text
		}
		line := ""
		if f.Line <= len(text) {
			line = strings.Join(strings.Fields(text[f.Line-1]), " ")
		}
		key := strings.Join([]string{string(f.Code), f.File, f.Message, line}, "\x00")
		count[key]++
		sum := sha256.Sum256([]byte(key + "\x00" + strconv.Itoa(count[key])))
		prints[i] = hex.EncodeToString(sum[:16])
	}
	return prints
}

// Count says how many findings there are of each severity: "2 errors, 1 warning"; "nothing" where there are none.
func Count(findings []Finding) string {
	var parts []string
	for _, s := range []Severity{Error, Warning, Info} {
		n := len(slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Severity != s }))
		switch {
		case n == 1 || n > 1 && s == Info:
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

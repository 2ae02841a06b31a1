package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/release"
)

// validateStep is the document step that runs a command's validation.
const validateStep = "validate"

// maxDocument is what SSM accepts: the document and the parameters' values together (65,536 bytes).
const maxDocument = 64 << 10

var (
	documentName  = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,128}$`)
	stepName      = regexp.MustCompile(`^[a-zA-Z0-9_-]{4,128}$`)
	parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// document is the SSM document as its JSON has it: schema 2.2, type Command.
type document struct {
	SchemaVersion string                       `json:"schemaVersion"`
	Description   string                       `json:"description"`
	Parameters    map[string]documentParameter `json:"parameters,omitempty"`
	MainSteps     []documentStep               `json:"mainSteps"`
}

type documentParameter struct {
	Type              string `json:"type"`
	Description       string `json:"description"`
	AllowedPattern    string `json:"allowedPattern"`
	InterpolationType string `json:"interpolationType"`
}

type documentStep struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Precondition map[string][]string `json:"precondition"`
	Inputs       documentInputs      `json:"inputs"`
}

type documentInputs struct {
	OnFailure      string   `json:"onFailure"`
	TimeoutSeconds string   `json:"timeoutSeconds,omitempty"`
	RunCommand     []string `json:"runCommand,omitempty"`
	// WorkingDirectory is relative to where aws:downloadContent puts what it fetched.
	WorkingDirectory string `json:"workingDirectory,omitempty"`
	// Of aws:downloadContent.
	SourceType      string `json:"sourceType,omitempty"`
	SourceInfo      string `json:"sourceInfo,omitempty"`
	DestinationPath string `json:"destinationPath,omitempty"`
}

// newDocument makes the document of a command's scripts. Equal commands give equal bytes: the hash decides whether a new
// version is published. A script with a blob is fetched by a step of its own before it runs.
func newDocument(r *release.Release, stage, name string, c *release.Command, scripts []named) (*Document, error) {
	if err := checkNames(name, c, scripts); err != nil {
		return nil, err
	}
	d := document{SchemaVersion: "2.2", Description: describe(scripts)}
	for _, p := range c.Parameters {
		if d.Parameters == nil {
			d.Parameters = make(map[string]documentParameter, len(c.Parameters))
		}
		d.Parameters[p.Name] = documentParameter{
			Type: "String", Description: "Reaches the script as the environment variable " + p.Name + ".",
			AllowedPattern: patternOf(p), InterpolationType: "ENV_VAR",
		}
	}
	for i, n := range scripts {
		if n.blob != nil {
			d.MainSteps = append(d.MainSteps, fetchStep(n.step, n.blob, newRecord(r.Record)))
		}
		d.MainSteps = append(d.MainSteps, newDocumentStep(wrapping{
			app: r.App, stage: stage, step: c.Name, name: n.step, script: n.script, parameters: c.Parameters, blob: n.blob,
			limit: timeoutOf(n.script.Timeout, c.Timeout), last: i == len(scripts)-1,
		}))
	}
	content, err := marshal(d)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	return &Document{Name: name, Content: string(content), Hash: hex.EncodeToString(sum[:])}, nil
}

// describe says for people what a document runs; its validation is not what it is for.
func describe(scripts []named) string {
	var names []string
	for _, n := range scripts {
		if n.step != validateStep || len(scripts) == 1 {
			names = append(names, scriptName(n.script.Path))
		}
	}
	return "Made by slipway. Runs " + strings.Join(names, ", ") + "; takes no free-form commands."
}

func newDocumentStep(w wrapping) documentStep {
	directory := ""
	if w.blob != nil {
		directory = fetchedFolder
	}
	return documentStep{
		Action: "aws:runShellScript", Name: w.name,
		Precondition: map[string][]string{"StringEquals": {"platformType", "Linux"}},
		Inputs: documentInputs{
			// Without it a document goes on after a step that failed.
			OnFailure:      "exit",
			TimeoutSeconds: strconv.Itoa(seconds(w.limit)),
			RunCommand:     wrap(w),

			WorkingDirectory: directory,
		},
	}
}

func patternOf(p release.Parameter) string {
	if p.Pattern == "" {
		return release.DefaultPattern
	}
	return p.Pattern
}

// checkNames refuses names that SSM or a shell would refuse, or take for something else.
func checkNames(name string, c *release.Command, scripts []named) error {
	if !documentName.MatchString(name) {
		return fmt.Errorf("document name %s: SSM takes 3 to 128 characters out of letters, digits, dot, dash and underscore", name)
	}
	if prefix := release.ReservedPrefix(name); prefix != "" {
		return fmt.Errorf("document name %s: SSM reserves names that begin with %s: rename the app", name, prefix)
	}
	seen := map[string]bool{}
	for _, n := range scripts {
		if !stepName.MatchString(n.step) {
			return fmt.Errorf("name %s: a step of an SSM document is named by 4 to 128 letters, digits, _ and -", n.step)
		}
		if seen[n.step] {
			return fmt.Errorf("name %s: the command's own validation has this name: rename the command", n.step)
		}
		seen[n.step] = true
	}
	for _, p := range c.Parameters {
		if !parameterName.MatchString(p.Name) {
			return fmt.Errorf("parameter %q: not a name of an environment variable", p.Name)
		}
	}
	return nil
}

// checkSize refuses what SendCommand would refuse with MaxDocumentSizeExceeded.
func checkSize(d *Document, parameters map[string][]string) error {
	size := len(d.Content)
	for name, values := range parameters {
		size += len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	if size <= maxDocument {
		return nil
	}
	return fmt.Errorf("document %s: %d bytes with its parameters, SSM takes %d: "+
		"shorten the script, or add a record, through whose bucket a large one travels", d.Name, size, maxDocument)
}

// marshal is json.Marshal without the escapes for HTML, which would triple the size of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

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
	// Of aws:downloadContent.
	SourceType      string `json:"sourceType,omitempty"`
	SourceInfo      string `json:"sourceInfo,omitempty"`
	DestinationPath string `json:"destinationPath,omitempty"`
}

// newDocument makes the document of a command's scripts. Equal commands give equal bytes: the hash decides whether
// a new version is published.
func newDocument(app, stage string, c *release.Command) (*Document, error) {
	name := app + "-" + stage + "-" + c.Name
	if err := checkNames(name, c); err != nil {
		return nil, err
	}
	d := document{
		SchemaVersion: "2.2",
		Description:   "Made by slipway. Runs " + scriptName(c.Script.Path) + "; takes no free-form commands.",
	}
	for _, p := range c.Parameters {
		if d.Parameters == nil {
			d.Parameters = make(map[string]documentParameter, len(c.Parameters))
		}
		d.Parameters[p.Name] = documentParameter{
			Type: "String", Description: "Reaches the script as the environment variable " + p.Name + ".",
			AllowedPattern: patternOf(p), InterpolationType: "ENV_VAR",
		}
	}
	w := wrapping{app: app, stage: stage, step: c.Name, name: c.Name, script: c.Script, parameters: c.Parameters,
		limit: timeoutOf(c.Script.Timeout, c.Timeout), last: c.Validate == nil}
	d.MainSteps = append(d.MainSteps, newDocumentStep(w))
	if c.Validate != nil {
		w.name, w.script, w.limit, w.last = validateStep, c.Validate, timeoutOf(c.Validate.Timeout), true
		d.MainSteps = append(d.MainSteps, newDocumentStep(w))
	}
	content, err := marshal(d)
	if err != nil {
		return nil, fmt.Errorf("document %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	return &Document{Name: name, Content: string(content), Hash: hex.EncodeToString(sum[:])}, nil
}

func newDocumentStep(w wrapping) documentStep {
	return documentStep{
		Action: "aws:runShellScript", Name: w.name,
		Precondition: map[string][]string{"StringEquals": {"platformType", "Linux"}},
		Inputs: documentInputs{
			// Without it a document goes on after a step that failed.
			OnFailure:      "exit",
			TimeoutSeconds: strconv.Itoa(seconds(w.limit)),
			RunCommand:     wrap(w),
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
func checkNames(name string, c *release.Command) error {
	if !documentName.MatchString(name) {
		return fmt.Errorf("document name %s: SSM takes 3 to 128 characters out of letters, digits, dot, dash and underscore", name)
	}
	if prefix := release.ReservedPrefix(name); prefix != "" {
		return fmt.Errorf("document name %s: SSM reserves names that begin with %s: rename the app", name, prefix)
	}
	if !stepName.MatchString(c.Name) {
		return fmt.Errorf("name %s: a step of an SSM document is named by 4 to 128 letters, digits, _ and -", c.Name)
	}
	if c.Validate != nil && c.Name == validateStep {
		return fmt.Errorf("name %s: the command's own validation has this name: rename the command", c.Name)
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
		"shorten the script, or let it download what it installs", d.Name, size, maxDocument)
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

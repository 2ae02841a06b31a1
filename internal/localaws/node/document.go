package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runShellScript is the plugin that a built-in node is for; beside it there is downloadContent.
const runShellScript = "aws:runShellScript"

// Limits of a step's run time; a value outside is silently replaced by the default, as the agent does.
const (
	minTimeout     = 5
	maxTimeout     = 172800
	defaultTimeout = 3600
)

// document is a Command document of schema 1.2, 2.0 or 2.2.
type document struct {
	SchemaVersion string                     `json:"schemaVersion"`
	Parameters    map[string]parameter       `json:"parameters"`
	RuntimeConfig map[string]json.RawMessage `json:"runtimeConfig"`
	MainSteps     []mainStep                 `json:"mainSteps"`
}

type mainStep struct {
	Action       string              `json:"action"`
	Name         string              `json:"name"`
	Precondition map[string][]string `json:"precondition"`
	Inputs       map[string]any      `json:"inputs"`
}

// step is a part of a document, its parameters substituted.
type step struct {
	name, action string
	precondition map[string][]argument
	// preconditions is false for schemas that do not know them and fail over them.
	preconditions bool
	scripts       []scriptInput // one; schema 1.2 allows several
	download      *downloadInput
	invalid       error // the inputs cannot be read: this step fails, the others run
	onFailure     string
	onSuccess     string
	finally       bool
}

// scriptInput is what aws:runShellScript is given.
type scriptInput struct {
	ID         string
	Commands   []string
	WorkingDir string
	Timeout    time.Duration
}

// program is a document that is ready to run.
type program struct {
	steps []step
	env   []string
}

// parse reads a document and puts the parameters in, those of Parameter Store too. An error means that nothing of it can run.
func parse(content json.RawMessage, given map[string]any, refs *references) (program, error) {
	var doc document
	if err := json.Unmarshal(content, &doc); err != nil {
		return program{}, fmt.Errorf("read the document: %w", err)
	}
	v, err := resolve(doc.Parameters, given, refs)
	if err != nil {
		return program{}, err
	}
	p := program{env: v.env}
	switch doc.SchemaVersion {
	case "1.0", "1.2":
		p.steps, err = runtimeSteps(doc.RuntimeConfig, v, refs)
	case "2.0", "2.0.1", "2.0.2", "2.0.3", "2.2":
		p.steps, err = mainSteps(doc, v, refs)
	default:
		err = fmt.Errorf("document with schema version %q is not supported", doc.SchemaVersion)
	}
	return p, err
}

func mainSteps(doc document, v values, refs *references) ([]step, error) {
	if len(doc.MainSteps) == 0 {
		return nil, errors.New("the document has no mainSteps")
	}
	seen := map[string]bool{}
	steps := make([]step, 0, len(doc.MainSteps))
	for i, m := range doc.MainSteps {
		if m.Name == "" || seen[m.Name] {
			return nil, fmt.Errorf("step %d: its name %q is empty or there twice", i+1, m.Name)
		}
		seen[m.Name] = true
		s := step{name: m.Name, action: m.Action, preconditions: doc.SchemaVersion == "2.2"}
		var err error
		if s.precondition, err = substitutePrecondition(m.Precondition, v); err != nil {
			return nil, fmt.Errorf("step %s: %w", m.Name, err)
		}
		inputs, err := refs.resolve(v.substitute(m.Inputs))
		if err != nil {
			return nil, err
		}
		s.readInputs(inputs)
		s.readModifiers(inputs)
		s.finally = s.finally && i == len(doc.MainSteps)-1 // of others the agent takes no notice
		steps = append(steps, s)
	}
	return steps, nil
}

func substitutePrecondition(in map[string][]string, v values) (map[string][]argument, error) {
	out := make(map[string][]argument, len(in))
	for operator, args := range in {
		out[operator] = make([]argument, len(args))
		for i, arg := range args {
			resolved, ok := v.substitute(arg).(string)
			if !ok {
				return nil, fmt.Errorf("precondition %s: %s is not a string", operator, arg)
			}
			out[operator][i] = argument{arg, resolved}
		}
	}
	return out, nil
}

// runtimeSteps reads schema 1.2, where a plugin has a list of properties. Plugins run in the order of their names;
// the agent's order is random.
func runtimeSteps(config map[string]json.RawMessage, v values, refs *references) ([]step, error) {
	if len(config) == 0 {
		return nil, errors.New("the document has no runtimeConfig")
	}
	var steps []step
	for _, plugin := range slices.Sorted(maps.Keys(config)) {
		var c struct {
			Properties any `json:"properties"`
		}
		if err := json.Unmarshal(config[plugin], &c); err != nil {
			return nil, fmt.Errorf("runtimeConfig %s: %w", plugin, err)
		}
		resolved, err := refs.resolve(v.substitute(c.Properties))
		if err != nil {
			return nil, err
		}
		s := step{name: plugin, action: plugin}
		list, ok := resolved.([]any)
		if !ok {
			list = []any{resolved}
			s.readModifiers(resolved) // the agent does not look for them in a list
		}
		for _, properties := range list {
			s.readInputs(properties)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// readInputs adds a script. What cannot be read makes the step fail when its turn comes.
func (s *step) readInputs(raw any) {
	inputs, ok := raw.(map[string]any)
	if !ok {
		s.fail(fmt.Errorf("invalid format in plugin properties: want an object, got %T", raw))
		return
	}
	if s.action == downloadContent {
		d, err := readDownload(inputs)
		if err != nil {
			s.fail(err)
		}
		s.download = d
		return
	}
	if s.action != runShellScript {
		return
	}
	if ref := findUnresolved(inputs); ref != "" {
		s.fail(fmt.Errorf("%s: references to Parameter Store are not supported by the built-in node", ref))
		return
	}
	commands, err := commandsOf(inputs["runCommand"])
	if err != nil {
		s.fail(fmt.Errorf("invalid format in plugin properties: runCommand: %w", err))
		return
	}
	s.scripts = append(s.scripts, scriptInput{
		ID:         text(inputs["id"]),
		Commands:   commands,
		WorkingDir: text(inputs["workingDirectory"]),
		Timeout:    timeoutOf(inputs["timeoutSeconds"]),
	})
}

// readModifiers reads what decides about the steps that follow.
func (s *step) readModifiers(raw any) {
	if inputs, ok := raw.(map[string]any); ok {
		s.onFailure, s.onSuccess = text(inputs["onFailure"]), text(inputs["onSuccess"])
		s.finally = text(inputs["finallyStep"]) == "true"
	}
}

func (s *step) fail(err error) { s.invalid = errors.Join(s.invalid, err) }

// commandsOf wants a list of strings. A list inside the list, which a StringList alone in one element becomes, is an
// error in the agent too.
func commandsOf(raw any) ([]string, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list of strings, got %T", raw)
	}
	commands := make([]string, len(list))
	for i, item := range list {
		if commands[i], ok = item.(string); !ok {
			return nil, fmt.Errorf("element %d: want a string, got %T", i+1, item)
		}
	}
	return commands, nil
}

// timeoutOf reads a number or the text of one. What is not in 5..172800 silently becomes 3600 seconds.
func timeoutOf(raw any) time.Duration {
	seconds, err := strconv.Atoi(strings.TrimSpace(text(raw)))
	if err != nil || seconds < minTimeout || seconds > maxTimeout {
		seconds = defaultTimeout
	}
	return time.Duration(seconds) * time.Second
}

func text(raw any) string {
	s, err := scalar(raw)
	if err != nil {
		return ""
	}
	return s
}

// findUnresolved gives the first reference to Parameter Store that is left in decoded JSON.
func findUnresolved(raw any) (found string) {
	eachString(raw, func(s string) {
		if found == "" {
			found = unresolved.FindString(s)
		}
	})
	return found
}

package ssm

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (d *document) readSteps() error {
	if d.schema == "1.2" {
		return d.readRuntimeConfig()
	}
	if err := known(d.tree, "document", "schemaVersion", "description", "parameters", "mainSteps"); err != nil {
		return err
	}
	list, ok := d.tree["mainSteps"].([]any)
	if !ok || len(list) == 0 {
		return badDocument("mainSteps is missing or empty")
	}
	names := map[string]bool{}
	for i, item := range list {
		where := "mainSteps[" + strconv.Itoa(i) + "]"
		if n := len(d.steps); n > 0 && d.steps[n-1].finally {
			return badDocument("%s: no step may follow the one with finallyStep", where)
		}
		object, ok := item.(map[string]any)
		if !ok {
			return badDocument("%s is not an object", where)
		}
		s, err := readStep(object, where, d.schema)
		if err != nil {
			return err
		}
		if names[s.name] {
			return badDocument("the step name %q is used twice", s.name)
		}
		names[s.name] = true
		d.steps = append(d.steps, s)
	}
	return nil
}

var stepName = regexp.MustCompile(`^[a-zA-Z0-9_\-]{1,128}$`)

func readStep(object map[string]any, where, schema string) (step, error) {
	if err := known(object, where, "action", "name", "inputs", "precondition", "maxAttempts", "onFailure",
		"settings", "timeoutSeconds", "description"); err != nil {
		return step{}, err
	}
	s := step{}
	var err error
	if s.name, err = optionalText(object, "name", where); err != nil {
		return step{}, err
	}
	if !stepName.MatchString(s.name) {
		return step{}, badDocument("%s: the step name %q is missing or invalid", where, s.name)
	}
	if s.action, err = optionalText(object, "action", where); err != nil {
		return step{}, err
	}
	if _, ok := plugins[s.action]; !ok {
		return step{}, badDocument("%s: the plugin %q isn't supported", where, s.action)
	}
	if _, given := object["precondition"]; given && schema == "2.0" {
		// uncertain: the API's answer; the agent fails such a step
		return step{}, badDocument("%s: preconditions need schema version 2.2", where)
	}
	if err := checkPrecondition(object["precondition"], where); err != nil {
		return step{}, err
	}
	inputs, ok := object["inputs"].(map[string]any)
	if !ok && object["inputs"] != nil {
		return step{}, badDocument("%s: inputs is not an object", where)
	}
	if s.timeout, err = readInputs(s.action, inputs, where); err != nil {
		return step{}, err
	}
	s.folder = s.name
	s.finally, err = readFlow(inputs, where)
	return s, err
}

// readFlow checks what a step's inputs say about the steps after it, and tells whether it is the finallyStep.
func readFlow(inputs map[string]any, where string) (finally bool, err error) {
	for key, allowed := range map[string][]string{"onFailure": {"exit", "successAndExit"}, "onSuccess": {"exit"}} {
		if value, given := inputs[key]; given && !slices.ContainsFunc(allowed, func(a string) bool { return value == a }) {
			return false, badDocument("%s: %s must be one of %v", where, key, allowed)
		}
	}
	switch inputs["finallyStep"] {
	case nil, false, "false":
		return false, nil
	case true, "true":
		return true, nil
	}
	return false, badDocument("%s: finallyStep must be true or false", where)
}

// checkPrecondition accepts what the agent does: StringEquals of two strings.
func checkPrecondition(value any, where string) error {
	if value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return badDocument("%s: a precondition must have one operator, StringEquals", where)
	}
	pair, ok := object["StringEquals"].([]any)
	if !ok || len(pair) != 2 {
		return badDocument("%s: a precondition must be StringEquals with two values", where)
	}
	for _, v := range pair {
		if _, ok := v.(string); !ok {
			return badDocument("%s: the values of StringEquals must be strings", where)
		}
	}
	return nil
}

// readInputs checks a script plugin's inputs and gives its timeoutSeconds.
func readInputs(action string, inputs map[string]any, where string) (timeout string, err error) {
	if action == "aws:runShellScript" || action == "aws:runPowerShellScript" {
		if err := known(inputs, where+".inputs", "id", "runCommand", "timeoutSeconds", "workingDirectory",
			"onFailure", "onSuccess", "finallyStep"); err != nil {
			return "", err
		}
		if err := checkScript(inputs["runCommand"], where); err != nil {
			return "", err
		}
	}
	switch v := inputs["timeoutSeconds"].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	default:
		return "", badDocument("%s: timeoutSeconds is neither a string nor a number", where)
	}
}

// checkScript wants a list of strings, or one string: a reference to a StringList.
func checkScript(value any, where string) error {
	switch v := value.(type) {
	case string:
		return nil
	case []any:
		for _, line := range v {
			if _, ok := line.(string); !ok {
				return badDocument("%s: runCommand has an element that is not a string", where)
			}
		}
		if len(v) > 0 {
			return nil
		}
	}
	return badDocument("%s: runCommand is missing or is not a list of strings", where)
}

// readRuntimeConfig reads the steps of schema 1.2: an object of plugins, each with its properties.
func (d *document) readRuntimeConfig() error {
	if err := known(d.tree, "document", "schemaVersion", "description", "parameters", "runtimeConfig"); err != nil {
		return err
	}
	config, ok := d.tree["runtimeConfig"].(map[string]any)
	if !ok || len(config) == 0 {
		return badDocument("runtimeConfig is missing or empty")
	}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		s, err := readPlugin(name, config[name])
		if err != nil {
			return err
		}
		d.steps = append(d.steps, s)
	}
	return nil
}

// readPlugin reads one plugin of runtimeConfig: its properties are one set of inputs or several.
func readPlugin(name string, value any) (step, error) {
	where := "runtimeConfig." + name
	if _, ok := plugins[name]; !ok {
		return step{}, badDocument("%s: the plugin isn't supported", where)
	}
	plugin, ok := value.(map[string]any)
	if !ok {
		return step{}, badDocument("%s is not an object", where)
	}
	if err := known(plugin, where, "properties", "description", "settings"); err != nil {
		return step{}, err
	}
	s := step{name: name, action: name}
	sets, ok := plugin["properties"].([]any)
	if single, isObject := plugin["properties"].(map[string]any); isObject {
		sets, ok = []any{single}, true
	}
	if !ok {
		return step{}, badDocument("%s: properties is missing or is not a list", where)
	}
	for _, set := range sets {
		inputs, ok := set.(map[string]any)
		if !ok {
			return step{}, badDocument("%s: properties has an element that is not an object", where)
		}
		var err error
		if s.timeout, err = readInputs(name, inputs, where); err != nil {
			return step{}, err
		}
		id, err := optionalText(inputs, "id", where)
		if err != nil {
			return step{}, err
		}
		if s.folder == "" {
			s.folder = strings.ReplaceAll(id, ":", "")
		}
	}
	return s, nil
}

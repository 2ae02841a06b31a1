package ssm

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// automationTypes are the types of parameter that automation documents have besides the names of AWS resource types.
var automationTypes = []string{"String", "StringList", "Boolean", "Integer", "MapList", "StringMap"}

// resourceParameter is a parameter whose type is a kind of AWS resource, or a list of those.
var resourceParameter = regexp.MustCompile(`^(AWS::[A-Za-z0-9:]+|List<AWS::[A-Za-z0-9:]+>)$`)

// readAutomation checks the frame of an automation document: what is in its steps is for the service that would run
// them, which the local AWS does not have.
func (d *document) readAutomation() error {
	if err := known(d.tree, "document", "schemaVersion", "description", "assumeRole", "parameters", "variables",
		"mainSteps", "outputs", "files"); err != nil {
		return err
	}
	if _, err := optionalText(d.tree, "assumeRole", "document"); err != nil {
		return err
	}
	if err := d.readAutomationParameters(); err != nil {
		return err
	}
	list, ok := d.tree["mainSteps"].([]any)
	if !ok || len(list) == 0 {
		return badDocument("mainSteps is missing or empty")
	}
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return badDocument("mainSteps[%d] is not an object", i)
		}
		s, err := readAutomationStep(object, "mainSteps["+strconv.Itoa(i)+"]")
		if err != nil {
			return err
		}
		if slices.ContainsFunc(d.steps, func(other step) bool { return other.name == s.name }) {
			return badDocument("the step name %q is used twice", s.name)
		}
		d.steps = append(d.steps, s)
	}
	return nil
}

func readAutomationStep(object map[string]any, where string) (s step, err error) {
	if s.name, err = optionalText(object, "name", where); err != nil {
		return step{}, err
	}
	if !stepName.MatchString(s.name) {
		return step{}, badDocument("%s: the step name %q is missing or invalid", where, s.name)
	}
	if s.action, err = optionalText(object, "action", where); err != nil {
		return step{}, err
	}
	if !strings.HasPrefix(s.action, "aws:") {
		return step{}, badDocument("%s: the action %q isn't supported", where, s.action)
	}
	if _, ok := object["inputs"].(map[string]any); !ok && object["inputs"] != nil {
		return step{}, badDocument("%s: inputs is not an object", where)
	}
	return s, nil
}

func (d *document) readAutomationParameters() error {
	if d.tree["parameters"] == nil {
		return nil
	}
	object, ok := d.tree["parameters"].(map[string]any)
	if !ok {
		return badDocument("parameters is not an object")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		where := "parameter " + strconv.Quote(name)
		fields, ok := object[name].(map[string]any)
		if !ok {
			return badDocument("%s is not an object", where)
		}
		p := parameter{}
		var err error
		if p.kind, err = optionalText(fields, "type", where); err != nil {
			return err
		}
		if !slices.Contains(automationTypes, p.kind) && !resourceParameter.MatchString(p.kind) {
			return badDocument("%s: the type %q isn't supported", where, p.kind)
		}
		if p.description, err = optionalText(fields, "description", where); err != nil {
			return err
		}
		if p.defaultShown, err = shownDefault(fields["default"]); err != nil {
			return err
		}
		d.parameters[name] = p
	}
	return nil
}

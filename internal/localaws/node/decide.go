package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// verdict is what becomes of a step before it is run.
type verdict int

const (
	runStep verdict = iota
	skipStep
	failStep
)

// elsewhere are plugins that the agent knows and has for other systems only.
var elsewhere = map[string]bool{"aws:applications": true, "aws:psModule": true, "aws:cloudWatch": true, "aws:configureDaemon": true}

// decide follows the agent: what earlier steps say goes before the schema's rules about plugins and preconditions. The
// texts are those that a user finds in a step's output.
func (r *runner) decide(s step) (verdict, string) {
	switch {
	case r.left != "" && !s.finally:
		return skipStep, r.leftText(s)
	case s.preconditions:
		return r.decideCrossPlatform(s)
	case len(s.precondition) > 0:
		return failStep, "Precondition is not supported for document schema version prior to 2.2. Step name: " + s.name
	case elsewhere[s.action]:
		return failStep, fmt.Sprintf("Plugin with name %s not found. Step name: %s", s.action, s.name)
	}
	return runStep, ""
}

func (r *runner) leftText(s step) string {
	if r.rebooted {
		return "Step execution skipped because " + r.left + ". Step name: " + s.name
	}
	return fmt.Sprintf("Plugin with name %s and id %s skipped due to prior step with an exit condition", s.action, s.name)
}

// decideCrossPlatform is for schema 2.2, where one document has steps for several systems.
func (r *runner) decideCrossPlatform(s step) (verdict, string) {
	allowed, remarks := s.evaluate(r.env.Platform)
	switch {
	case elsewhere[s.action]:
		return skipStep, fmt.Sprintf("Step execution skipped due to unsupported plugin: %s. Step name: %s", s.action, s.name)
	case !allowed:
		return skipStep, fmt.Sprintf("Step execution skipped due to unsatisfied preconditions: '%s'. Step name: %s", strings.Join(remarks, ", "), s.name)
	case len(remarks) > 0:
		return failStep, fmt.Sprintf("Unrecognized precondition(s): '%s', please update agent to latest version. Step name: %s", strings.Join(remarks, ", "), s.name)
	}
	return runStep, ""
}

// argument is one side of a precondition, before and after parameters are put in.
type argument struct{ initial, resolved string }

// evaluate tells whether all preconditions hold, and what is to be said of those that do not or make no sense.
func (s step) evaluate(platform string) (allowed bool, remarks []string) {
	allowed = true
	for _, operator := range slices.Sorted(maps.Keys(s.precondition)) {
		args := s.precondition[operator]
		if operator != "StringEquals" {
			remarks = append(remarks, fmt.Sprintf("unrecognized operator: %q", operator))
			continue
		}
		if len(args) != 2 {
			remarks = append(remarks, fmt.Sprintf("%q: operator accepts exactly 2 arguments", operator))
			continue
		}
		holds, remark := stringEquals(args[0], args[1], platform)
		allowed = allowed && holds
		if remark != "" {
			remarks = append(remarks, fmt.Sprintf("%q: %s", operator, remark))
		}
	}
	return allowed, remarks
}

const platformType = "platformType"

// stringEquals compares two arguments. A remark on one that holds says that the agent does not accept the comparison.
func stringEquals(a, b argument, platform string) (holds bool, remark string) {
	switch {
	case a.initial == b.initial && a.initial == platformType:
		return true, fmt.Sprintf("[%s %s]", a.initial, b.initial)
	case a.initial == b.initial:
		return true, "operator's arguments can't be identical"
	case unresolved.MatchString(a.initial) || unresolved.MatchString(b.initial):
		return true, "operator's arguments can't contain SSM parameters"
	case a.initial == platformType:
		return platformEquals(a, b, b, platform)
	case b.initial == platformType:
		return platformEquals(a, b, a, platform)
	case a.initial == a.resolved && b.initial == b.resolved:
		return true, "at least one of operator's arguments must contain a valid document parameter"
	case a.resolved != b.resolved:
		return false, fmt.Sprintf("[%s, %s]", a.initial, b.initial)
	}
	return true, ""
}

func platformEquals(a, b, value argument, platform string) (holds bool, remark string) {
	switch {
	case !strings.EqualFold(value.initial, value.resolved):
		return true, "the second argument for the platformType variable can't contain document parameters"
	case !strings.EqualFold(value.initial, platform):
		return false, fmt.Sprintf("[%s, %s]", a.initial, b.initial)
	}
	return true, ""
}

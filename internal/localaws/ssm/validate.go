package ssm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// pattern is a constraint of the service model. Its text is quoted in the error, so it is kept as the model has it.
type pattern struct {
	text string
	re   *regexp.Regexp
}

func newPattern(text string) pattern { return pattern{text, regexp.MustCompile(text)} }

// The model's patterns.
var (
	documentRef    = newPattern(`^[a-zA-Z0-9_\-.:/]{3,128}$`)
	documentName   = newPattern(`^[a-zA-Z0-9_\-.]{3,128}$`)
	versionRef     = newPattern(`([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)`)
	versionNumber  = newPattern(`(^[1-9][0-9]*$)`)
	versionName    = newPattern(`^[a-zA-Z0-9_\-.]{1,128}$`)
	displayName    = newPattern(`^[\w\.\-\:\/ ]*$`)
	targetType     = newPattern(`^\/[\w\.\-\:\/]*$`)
	tagText        = newPattern(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`)
	instanceID     = newPattern(`(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)`)
	targetKey      = newPattern(`^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name`)
	maxConcurrency = newPattern(`^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$`)
	maxErrors      = newPattern(`^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$`)
	agentVersion   = newPattern(`^[0-9]{1,6}(\.[0-9]{1,6}){2,3}$`)
)

// validation collects what is wrong with a request, in the words of AWS's front end. Paths are as the wire has
// them but with a small first letter: 'instanceIds', 'targets.1.member.key'.
type validation struct{ problems []string }

func (v *validation) add(value any, path, constraint string) {
	v.problems = append(v.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s",
		quoted(value), path, constraint))
}

func quoted(value any) string {
	switch x := value.(type) {
	case nil:
		return "null"
	case []string:
		return "'[" + strings.Join(x, ", ") + "]'"
	default:
		return fmt.Sprintf("'%v'", x)
	}
}

func (v *validation) required(path, value string) {
	if value == "" {
		v.missing(path)
	}
}

func (v *validation) missing(path string) { v.add(nil, path, "Member must not be null") }

// matches checks an optional string against a pattern.
func (v *validation) matches(path, value string, p pattern) {
	if value != "" && !p.re.MatchString(value) {
		v.add(value, path, "Member must satisfy regular expression pattern: "+p.text)
	}
}

// length checks an optional string's length in characters. A max of 0 is none.
func (v *validation) length(path, value string, least, most int) {
	if value == "" {
		return
	}
	n := utf8.RuneCountInString(value)
	if n < least {
		v.add(value, path, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	}
	if most > 0 && n > most {
		v.add(value, path, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

func (v *validation) oneOf(path, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		v.add(value, path, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

// between checks an optional number.
func (v *validation) between(path string, value *int, least, most int) {
	switch {
	case value == nil:
	case *value < least:
		v.add(*value, path, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case *value > most:
		v.add(*value, path, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// count checks the size of a list.
func (v *validation) count(path string, list []string, least, most int) {
	if len(list) < least {
		v.add(list, path, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	}
	if len(list) > most {
		v.add(list, path, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

// ids checks a list of at most 50 instance ids.
func (v *validation) ids(path string, list []string) {
	v.count(path, list, 0, 50)
	if slices.ContainsFunc(list, func(id string) bool { return !instanceID.re.MatchString(id) }) {
		v.add(list, path, "Member must satisfy constraint: [Member must satisfy regular expression pattern: "+instanceID.text+"]")
	}
}

// commandID checks the model's constraint; whether it is an id at all is the service's own question.
func (v *validation) commandID(path, value string) { v.length(path, value, 36, 36) }

// err is nil when nothing is wrong.
func (v *validation) err() error {
	switch n := len(v.problems); n {
	case 0:
		return nil
	case 1:
		return invalid("1 validation error detected: " + v.problems[0])
	default:
		return invalid(fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(v.problems, "; ")))
	}
}

func invalid(message string) error {
	return &gateway.Error{Code: "ValidationException", Message: message}
}

package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// validation collects what is wrong with a request, in the words of AWS's front end.
type validation struct{ problems []string }

func (v *validation) add(value, path, constraint string) {
	v.problems = append(v.problems, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, constraint))
}

func (v *validation) required(path, value string) {
	if value == "" {
		v.add("null", path, "Member must not be null")
	}
}

func (v *validation) length(path, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		v.add("'"+value+"'", path, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

func (v *validation) oneOf(path, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		v.add("'"+value+"'", path, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
	}
}

func (v *validation) positive(path string, value *int) {
	if value != nil && *value < 1 {
		v.add(fmt.Sprintf("'%d'", *value), path, "Member must have value greater than or equal to 1")
	}
}

func (v *validation) atMost(path string, n, most int) {
	if n > most {
		v.add(fmt.Sprintf("'%d'", n), path, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// names checks a list of alarm names.
func (v *validation) names(names []string) {
	v.atMost("alarmNames", len(names), 100)
	for _, name := range names {
		v.required("alarmNames", name)
		v.length("alarmNames", name, 255)
	}
}

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

func invalid(message string) error { return &gateway.Error{Code: "ValidationError", Message: message} }

package iam

import (
	"fmt"
	"strings"
)

type boolComparer bool

// compileBool reads true or false.
// uncertain: one page of the user guide lets the Boolean operator have policy variables, another does not; refused.
func compileBool(value string, _ bool) (comparer, error) {
	b, err := parseBool(value)
	return boolComparer(b), err
}

func parseBool(s string) (bool, error) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, nil
	case strings.EqualFold(s, "false"):
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

func (b boolComparer) compare(value string, _ Context) (bool, bool) {
	switch {
	case strings.EqualFold(value, "true"):
		return bool(b), true
	case strings.EqualFold(value, "false"):
		return !bool(b), true
	}
	return false, false
}

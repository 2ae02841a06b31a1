package parameters

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

func fault(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return fault("ValidationException", format, args...) }

// broken is a constraint of the service model that a value does not satisfy.
func broken(value any, path, constraint string) error {
	text := "null"
	if value != nil {
		text = fmt.Sprintf("'%v'", value)
	}
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", text, path, constraint)
}

func checkEnum(path, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return broken(value, path, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

func checkBetween(path string, value *int, least, most int) error {
	switch {
	case value == nil:
	case *value < least:
		return broken(*value, path, "Member must have value greater than or equal to "+strconv.Itoa(least))
	case *value > most:
		return broken(*value, path, "Member must have value less than or equal to "+strconv.Itoa(most))
	}
	return nil
}

func checkCount(path string, list []string, most int) error {
	if list == nil {
		return broken(nil, path, "Member must not be null")
	}
	if len(list) < 1 || len(list) > most {
		return broken(list, path, fmt.Sprintf("Member must have length between 1 and %d", most))
	}
	return nil
}

// The limits of names, from PutParameter's API reference.
const (
	maxName   = 2048
	maxOwn    = 1011 // with the ARN in front of it
	maxLevels = 15
)

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_.\-/]+$`)

// arn is a parameter's ARN: parameter/a/b for /a/b, and parameter/a for a.
func arn(at space, name string) string {
	return "arn:aws:ssm:" + at.region + ":" + at.account + ":parameter/" + strings.TrimPrefix(name, "/")
}

const nameRules = `can't be prefixed with "aws" or "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; ` +
	`each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`

// newName checks the name of a parameter that is to be made, and gives it without the spaces around it.
func newName(at space, name string) (string, error) {
	name = strings.Trim(name, " ")
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(name, "/")), "/")
	switch {
	case name == "":
		return "", broken(nil, "name", "Member must not be null")
	case utf8.RuneCountInString(name) > maxName || len(arn(at, name)) > maxOwn:
		return "", invalid("The parameter name is too long: with its ARN it may have %d characters.", maxOwn)
	case strings.HasPrefix(name, "/aws"):
		return "", fault("AccessDeniedException", "No access to reserved parameter name: %s.", name)
	case !nameForm.MatchString(name), strings.Contains(name, "//"), strings.HasSuffix(name, "/"),
		strings.HasPrefix(first, "aws"), strings.HasPrefix(first, "ssm"):
		return "", invalid("Parameter name: %s", nameRules)
	case strings.Contains(name[1:], "/") && name[0] != '/':
		return "", invalid("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > maxLevels:
		return "", fault("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	}
	return name, nil
}

// plainName checks a name where there may be no selector and no ARN.
func plainName(name string) (string, error) {
	name = strings.Trim(name, " ")
	if name == "" {
		return "", broken(nil, "name", "Member must not be null")
	}
	if utf8.RuneCountInString(name) > maxName || !nameForm.MatchString(name) {
		return "", invalid("Parameter name: %s", nameRules)
	}
	return name, nil
}

// reference is how a parameter is named to be read: its name, and a version or a label of it.
type reference struct {
	account, region string // of an ARN; empty otherwise
	name            string
	selector        string // with its colon, as it is given back; empty for the newest version
	version         int64  // 0 when the selector is a label
}

var labelForm = regexp.MustCompile(`^[a-zA-Z_.\-][a-zA-Z0-9_.\-]*$`)

// parseReference reads NAME, NAME:VERSION, NAME:LABEL, or the ARN of a parameter with the same endings.
func parseReference(text string) (reference, error) {
	text = strings.Trim(text, " ")
	if text == "" {
		return reference{}, broken(nil, "name", "Member must not be null")
	}
	if utf8.RuneCountInString(text) > maxName {
		return reference{}, broken(text[:40]+"…", "name", "Member must have length less than or equal to 2048")
	}
	var r reference
	if rest, ok := strings.CutPrefix(text, "arn:aws:ssm:"); ok {
		parts := strings.SplitN(rest, ":", 3)
		if len(parts) != 3 || parts[0] == "" || len(parts[1]) != 12 || !strings.HasPrefix(parts[2], "parameter/") {
			return reference{}, invalid("Invalid parameter ARN: %s", text)
		}
		r.region, r.account = parts[0], parts[1]
		text = strings.TrimPrefix(parts[2], "parameter")
		if base, _, _ := strings.Cut(text, ":"); strings.Count(base, "/") == 1 {
			text = text[1:] // a and /a have the same ARN: see find
		}
	}
	name, selector, selected := strings.Cut(text, ":")
	if r.name = name; !nameForm.MatchString(name) {
		return reference{}, invalid("Parameter name: %s", nameRules)
	}
	if !selected {
		return r, nil
	}
	r.selector = ":" + selector
	if n, err := strconv.ParseInt(selector, 10, 64); err == nil && n > 0 && strconv.FormatInt(n, 10) == selector {
		r.version = n
	} else if !labelForm.MatchString(selector) {
		return reference{}, invalid("Invalid parameter selector: %s", selector)
	}
	return r, nil
}

// space is where the parameter is that the reference means.
func (r reference) space(c *gateway.Call) space {
	if r.account != "" {
		return space{r.account, r.region}
	}
	return spaceOf(c)
}

// foreign says that the reference leads out of the caller's account and region, where nothing can be read.
func (r reference) foreign(c *gateway.Call) bool { return r.space(c) != spaceOf(c) }

// pageToken hides where the next page begins.
func pageToken(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1:" + position))
}

// pagePosition undoes [pageToken]; an empty token is the first page.
func pagePosition(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	position, ok := strings.CutPrefix(string(raw), "1:")
	if err != nil || !ok || position == "" {
		return "", fault("InvalidNextToken", "The specified token isn't valid.")
	}
	return position, nil
}

func limitOr(value *int, otherwise int) int {
	if value == nil {
		return otherwise
	}
	return *value
}

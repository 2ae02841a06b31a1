package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
)

// line is one line of the input of eval, its members as they are written; a member that is missing is empty.
type line struct{ id, policies, request string }

var (
	errEmptyLine  = errors.New("an empty line")
	errBrokenLine = errors.New("an object that is broken over lines: write each on one line, as jq -c does")
)

// readLine divides a line. After an error the id is set if it came before what is wrong.
func readLine(text string) (l line, err error) {
	if !utf8.ValidString(text) {
		return l, errors.New("the line is not UTF-8")
	}
	switch strings.Trim(text, " \t\r\n") {
	case "":
		return l, errEmptyLine
	case "{":
		return l, errBrokenLine
	}
	m := membersOf(text)
	for m.more() {
		switch m.name {
		case "id":
			err = keep(&l.id, &m)
		case "policies":
			err = keep(&l.policies, &m)
		case "request":
			err = keep(&l.request, &m)
		default:
			err = unknown(m.name, "id, policies, request")
		}
		if err != nil {
			// The rest of the line may still tell the id.
			return l.findID(m), err
		}
	}
	if m.err != nil {
		return l, m.err
	}
	if m.space(); m.at < len(text) {
		return l, m.errorf("%s after the end of the object", m.found())
	}
	for _, f := range [...]struct{ name, text string }{{"policies", l.policies}, {"request", l.request}} {
		if f.text == "" {
			return l, fmt.Errorf("%s is missing", f.name)
		}
		if f.text[0] != '{' {
			return l, fmt.Errorf("%s %w", f.name, wrongType("an object", f.text))
		}
	}
	return l, nil
}

// findID takes the id from the members that are still to come, if it is not known yet.
func (l line) findID(m members) line {
	for l.id == "" && m.more() {
		if m.name == "id" {
			l.id = m.value
		}
	}
	return l
}

// keep takes the value of the member that m stands on.
func keep(to *string, m *members) error {
	if *to != "" {
		return fmt.Errorf("%q is given twice", m.name)
	}
	*to = m.value
	return nil
}

func unknown(name, known string) error {
	return fmt.Errorf("unknown member %q: expected %s", name, known)
}

// call is what a request asks for, as far as it does not come from a cache.
type call struct{ principal, action, resource, account, context string }

// readCall divides the request of a line and decodes its strings; principal and context are left as they are written.
func readCall(text string) (c call, err error) {
	m := membersOf(text)
	for err == nil && m.more() {
		switch m.name {
		case "principal":
			err = keep(&c.principal, &m)
		case "action":
			err = keep(&c.action, &m)
		case "resource":
			err = keep(&c.resource, &m)
		case "account":
			err = keep(&c.account, &m)
		case "context":
			err = keep(&c.context, &m)
		default:
			err = unknown(m.name, "principal, action, resource, account, context")
		}
	}
	if err == nil {
		err = m.err
	}
	if err != nil {
		return c, err
	}
	return c, c.decode()
}

// decode turns the strings of a call from JSON into what they say.
func (c *call) decode() error {
	if c.principal == "" {
		return errors.New("principal is missing")
	}
	if c.account == "" || c.account == "null" {
		c.account = `""` // a program that writes null means that it does not know
	}
	if err := decodeText("action", &c.action, checkAction); err != nil {
		return err
	}
	if err := decodeText("resource", &c.resource, checkResource); err != nil {
		return err
	}
	return decodeText("account", &c.account, checkAccount)
}

func decodeText(name string, text *string, check func(string) error) (err error) {
	if *text == "" {
		return fmt.Errorf("%s is missing", name)
	}
	if *text, err = unquote(*text); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	if err = check(*text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func checkAction(s string) error {
	service, operation, ok := strings.Cut(s, ":")
	if !ok || service == "" || operation == "" || strings.ContainsAny(operation, ":*?") || strings.ContainsAny(service, "*?") ||
		strings.ContainsFunc(s, notVisible) {
		return fmt.Errorf("%q is not service:Operation", s)
	}
	return nil
}

// notVisible finds what is in no action's name.
func notVisible(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII }

func checkResource(s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q has a control character", s)
	}
	if s != "*" && (!strings.HasPrefix(s, "arn:") || strings.Count(s, ":") < 5) {
		return fmt.Errorf("%q is neither an ARN nor *", s)
	}
	return nil
}

func checkAccount(s string) error {
	if s != "" && (len(s) != 12 || strings.Trim(s, "0123456789") != "") {
		return fmt.Errorf("%q is not an account id of 12 digits", s)
	}
	return nil
}

// readContext makes the context of a request from its object.
func readContext(text string) (iam.Context, error) {
	values := map[string][]string{} // by the key in lower case: AWS does not regard it
	m := membersOf(text)
	for m.more() {
		key := strings.ToLower(m.name)
		if _, seen := values[key]; seen {
			return iam.Context{}, fmt.Errorf("context: %q is given twice, in whichever case", m.name)
		}
		list, err := contextValues(m.value)
		if err != nil {
			return iam.Context{}, fmt.Errorf("context: %q: %w", m.name, err)
		}
		values[key] = list
	}
	if m.err != nil {
		return iam.Context{}, fmt.Errorf("context: %w", m.err)
	}
	return iam.NewContext(values), nil
}

// contextValues reads one value or a list of them. Numbers and booleans count as they are written.
func contextValues(text string) (list []string, err error) {
	texts := []string{text}
	if text[0] == '[' {
		if texts, err = items(text); err != nil {
			return nil, err
		}
	}
	for i, t := range texts {
		switch t[0] {
		case '"':
			if texts[i], err = unquote(t); err != nil {
				return nil, err
			}
		case '{', '[', 'n':
			return nil, wrongType("a string, a number, a boolean or a list of them", t)
		}
	}
	return texts, nil
}

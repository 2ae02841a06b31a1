package plan

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
)

// declaredCalls are what the release says that its scripts call AWS for on the nodes (R125). Everything that is wrong
// with it is reported together, at its place in the file.
func declaredCalls(r *release.Release, s *Stage, permissions []release.Permission) ([]Call, error) {
	var calls []Call
	var errs []error
	for _, p := range permissions {
		at := fmt.Sprintf("%s:%d:%d", r.File, p.Pos.Line, p.Pos.Column)
		for _, name := range p.Actions {
			c, err := s.declared(at, name, p.Resources)
			if err == nil {
				err = besideRecord(r, &c, "the scripts on its nodes")
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: permissions: %w", at, err))
				continue
			}
			calls = append(calls, c)
		}
	}
	return calls, errors.Join(errs...)
}

// declared is the call of one action that the release declares.
func (s *Stage) declared(at, name string, resources []string) (Call, error) {
	action, ok := catalog.Lookup(name)
	if !ok {
		return Call{}, fmt.Errorf("%q is not an action of the service authorization reference", name)
	}
	c := Call{
		Role: KindNode, Action: action.String(), When: OnScript, Often: "as the scripts do", For: needScripts.sid,
		Reason: "The release declares it for its scripts (" + at + ").",
	}
	for _, written := range resources {
		r, err := s.declaredResource(action, written)
		if err != nil {
			return Call{}, err
		}
		if strings.ContainsAny(r.ARN, "*?") && r.ARN != "*" {
			r.Pattern = "the release declares it so (" + at + ")"
		}
		c.Resources = append(c.Resources, r)
	}
	return c, nil
}

// declaredResource turns what the file says into an ARN of one of the action's resource types.
func (s *Stage) declaredResource(action catalog.Action, written string) (Resource, error) {
	if len(action.Resources) == 0 {
		if written != "*" {
			return Resource{}, fmt.Errorf("%s on %s: AWS defines no resource type for it, so that only * ever matches: give it "+
				"a permission of its own with resources: [\"*\"]", action, written)
		}
		return Resource{ARN: "*"}, nil
	}
	var forms []string
	for _, r := range action.Resources {
		t, _ := catalog.ResourceType(action.Service, r.Type)
		for _, form := range t.ARNs {
			forms = append(forms, form)
			if arn, ok := s.fits(form, written, r.Type); ok {
				return Resource{ARN: arn, Type: r.Type, Account: s.foreign(arn)}, nil
			}
		}
	}
	return Resource{}, fmt.Errorf("%s on %s: its resources have the form %s", action, written, strings.Join(forms, " or "))
}

// foreign is the account in an ARN, where it is not the stage's.
func (s *Stage) foreign(arn string) string {
	account := strings.SplitN(arn, ":", 6)[4]
	if account == s.Account || !accountID.MatchString(account) {
		return "" // the stage's own; or an ARN without one, or of AWS
	}
	return account
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

var placeholder = regexp.MustCompile(`\\\$\\\{[A-Za-z0-9]+\\\}`)

// fits gives the ARN that a text means, if it is of a form of the service authorization reference: a whole ARN, or what
// follows the account in one.
func (s *Stage) fits(form, written, kind string) (string, bool) {
	parts := strings.SplitN(form, ":", 6)
	if len(parts) < 6 {
		return "", false
	}
	if !strings.HasPrefix(written, "arn:") {
		own := strings.NewReplacer("${Partition}", "aws", "${Region}", s.Region, "${Account}", s.Account)
		written = own.Replace(strings.Join(parts[:5], ":")) + ":" + written
	}
	anything := ".+"
	if kind == "bucket" {
		anything = "[^/]+" // what has a slash is an object
	}
	pattern := "^" + placeholder.ReplaceAllLiteralString(regexp.QuoteMeta(form), anything) + "$"
	matched, err := regexp.MatchString(pattern, written)
	given := strings.SplitN(written, ":", 6)
	// A * for the account or the region would reach what is not the stage's.
	return written, err == nil && matched && len(given) == 6 && !slices.ContainsFunc(given[:5], func(part string) bool {
		return strings.ContainsAny(part, "*?")
	})
}

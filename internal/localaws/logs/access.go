package logs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// groupARN is the ARN of a log group as tags and identifiers have it. The ARN that most actions are authorised on goes
// on: see [scoped].
func groupARN(account, region, name string) string {
	return "arn:aws:logs:" + region + ":" + account + ":log-group:" + name
}

// scoped is the resource of an action on a log group. AWS checks it as the group's streams without a name, as its
// denials show, which is why a policy needs the ARN that ends in :*.
func scoped(group string) string { return group + ":log-stream:" }

var (
	groupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]+$`)
	streamName = regexp.MustCompile(`^[^:*]*$`)
	identifier = regexp.MustCompile(`^arn:aws:logs:([a-z0-9-]+):(\d{12}):log-group:([.\-_/#A-Za-z0-9]+)$`)
)

func fault(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return fault("InvalidParameterException", format, args...)
}

func noGroup() error {
	return fault("ResourceNotFoundException", "The specified log group does not exist.")
}

func noStream() error {
	return fault("ResourceNotFoundException", "The specified log stream does not exist.")
}

// broken is a constraint of the service model that a value does not satisfy.
func broken(value any, path, constraint string) error {
	text := "null"
	if value != nil {
		text = fmt.Sprintf("'%v'", value)
	}
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", text, path, constraint)
}

func checkName(path, name string, form *regexp.Regexp) error {
	switch {
	case name == "":
		return broken(nil, path, "Member must not be null")
	case utf8.RuneCountInString(name) > 512:
		return broken(name, path, "Member must have length less than or equal to 512")
	case !form.MatchString(name):
		return broken(name, path, "Member must satisfy regular expression pattern: "+strings.Trim(form.String(), "^$"))
	}
	return nil
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

func checkEnum(path, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return broken(value, path, "Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

// groupRef names a log group in a request, by name or, where the operation has it, by identifier.
type groupRef struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
}

// target is the log group that a request means.
type target struct{ account, region, name string }

func (t target) arn() string { return groupARN(t.account, t.region, t.name) }

// resolve gives the log group that is meant, whether it is there or not. An identifier may be another account's.
func (r groupRef) resolve(c *gateway.Call) (target, error) {
	t := target{c.Caller.Account, c.Region, r.LogGroupName}
	if r.LogGroupIdentifier == "" {
		return t, checkName("logGroupName", t.name, groupName)
	}
	if r.LogGroupName != "" {
		return target{}, invalid("LogGroup name and LogGroup identifier cannot both be specified.")
	}
	if m := identifier.FindStringSubmatch(r.LogGroupIdentifier); m != nil {
		if m[1] != c.Region {
			return target{}, invalid("The specified log group identifier is not of this region.")
		}
		return target{m[2], m[1], m[3]}, nil
	}
	t.name = r.LogGroupIdentifier
	return t, checkName("logGroupIdentifier", t.name, groupName)
}

func (r groupRef) group() groupRef { return r }

// nameRef names a log group where there is no identifier.
type nameRef struct {
	LogGroupName string `json:"logGroupName"`
}

func (r nameRef) group() groupRef { return groupRef{LogGroupName: r.LogGroupName} }

// named is an input that names a log group.
type named interface{ group() groupRef }

// checked is an input with more to be checked before anything is asked or done.
type checked interface{ check() error }

func check(in any) error {
	if v, ok := in.(checked); ok {
		return v.check()
	}
	return nil
}

// onGroup is the access check of an action on a log group.
func onGroup[In any](s *Service) func(context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return func(ctx context.Context, c *gateway.Call, in *In) ([]gateway.Access, error) {
		t, err := any(in).(named).group().resolve(c)
		if err == nil {
			err = check(in)
		}
		if err != nil {
			return nil, err
		}
		return s.need(ctx, c, "", t, scoped(t.arn()), nil)
	}
}

// onStream is the access check of an action on a log stream.
func onStream[In any](s *Service) func(context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return func(ctx context.Context, c *gateway.Call, in *In) ([]gateway.Access, error) {
		t, err := any(in).(named).group().resolve(c)
		if err != nil {
			return nil, err
		}
		stream := any(in).(interface{ stream() string }).stream()
		if err := checkName("logStreamName", stream, streamName); err != nil {
			return nil, err
		}
		if err := check(in); err != nil {
			return nil, err
		}
		return s.need(ctx, c, "", t, scoped(t.arn())+stream, nil)
	}
}

// need is the permission on something in a log group, with the group's tags and what the request adds.
func (s *Service) need(ctx context.Context, c *gateway.Call, action string, t target, resource string, more map[string][]string) ([]gateway.Access, error) {
	keys := map[string][]string{}
	maps.Copy(keys, more)
	if t.account == c.Caller.Account { // nobody learns the tags of another account
		g, err := loadGroup(ctx, s.db, t)
		if err != nil && !errors.Is(err, errNone) {
			return nil, err
		}
		for k, v := range g.tags {
			keys["aws:ResourceTag/"+k] = []string{v}
		}
	}
	return []gateway.Access{{Action: action, Resource: resource, Account: t.account, Context: keys}}, nil
}

// own gives the log group that a request means. Another account's is never reached: without a resource policy the
// access check has refused it already.
func (r groupRef) own(c *gateway.Call) (target, error) {
	t, err := r.resolve(c)
	if err == nil && t.account != c.Caller.Account {
		err = noGroup()
	}
	return t, err
}

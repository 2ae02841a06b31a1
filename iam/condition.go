package iam

import (
	"fmt"
	"strings"
)

// condition is a compiled [Condition]
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html).
type condition struct {
	key     string // in lower case
	set     setOperator
	negated bool
	isNull  bool // the Null operator: no comparison, wantAbsent decides
	// absent is the answer when the request does not have the key.
	absent bool
	// unclear is the answer where AWS does not document one, or its sources disagree:
	// an Allow then does not apply, a Deny does.
	unclear bool
	values  []comparer
}

type setOperator uint8

const (
	setNone setOperator = iota
	setAll
	setAny
)

// comparer compares one value of the policy with one value of the request. ok is false when the request's
// value is of the wrong type, for example no number.
type comparer interface {
	compare(value string, c Context) (match, ok bool)
}

// compileCondition reads operator, key and values. deny is the effect of the statement.
func compileCondition(src *Condition, variables, deny bool) (condition, error) {
	name, set := cutSet(src.Operator)
	base, ifExists := strings.CutSuffix(name, "IfExists")
	c := condition{key: strings.ToLower(src.Key), set: set, unclear: deny}
	if src.Key == "" {
		return c, fmt.Errorf("condition operator %s has no key", src.Operator)
	}
	if base == "Null" {
		return compileNull(c, src, ifExists)
	}
	op, known := operators[base]
	if !known {
		return c, fmt.Errorf("unknown condition operator %q", src.Operator)
	}
	c.negated = op.negated
	c.absent = c.whenAbsent(ifExists)
	for _, v := range src.Values {
		compiled, err := op.compile(v, variables)
		if err != nil {
			return c, fmt.Errorf("%s on %s: %w", src.Operator, src.Key, err)
		}
		c.values = append(c.values, compiled)
	}
	return c, nil
}

func cutSet(operator string) (string, setOperator) {
	if rest, ok := strings.CutPrefix(operator, "ForAllValues:"); ok {
		return rest, setAll
	}
	if rest, ok := strings.CutPrefix(operator, "ForAnyValue:"); ok {
		return rest, setAny
	}
	return operator, setNone
}

// whenAbsent is what AWS documents for a key that the request does not have
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
func (c *condition) whenAbsent(ifExists bool) bool {
	switch c.set {
	case setAll:
		return true
	case setAny:
		// uncertain: IfExists is documented to make this true, and was seen not to.
		return ifExists && c.unclear
	default:
		return ifExists || c.negated
	}
}

func compileNull(c condition, src *Condition, ifExists bool) (condition, error) {
	if ifExists || c.set != setNone {
		return c, fmt.Errorf("unknown condition operator %q", src.Operator)
	}
	if len(src.Values) != 1 {
		return c, fmt.Errorf("operator Null on %s: wants exactly one value, true or false", src.Key)
	}
	want, err := parseBool(src.Values[0])
	if err != nil {
		return c, fmt.Errorf("operator Null on %s: %w", src.Key, err)
	}
	c.isNull, c.absent = true, want
	return c, nil
}

// holds says whether the condition is met.
func (c *condition) holds(ctx Context) bool {
	values := ctx.lookup(c.key)
	if c.isNull {
		return (len(values) == 0) == c.absent
	}
	if len(values) == 0 || c.set != setNone && onlyEmpty(values) {
		return c.absent
	}
	switch c.set {
	case setAll:
		for _, v := range values {
			if !c.one(v, ctx) {
				return false
			}
		}
		return true
	case setAny:
		for _, v := range values {
			if c.one(v, ctx) {
				return true
			}
		}
		return false
	default:
		if len(values) > 1 {
			// uncertain: keys with several values require a set operator; AWS does not say what happens without.
			return c.unclear
		}
		return c.one(values[0], ctx)
	}
}

// onlyEmpty says whether the values are what AWS calls a null data set, such as an empty string.
func onlyEmpty(values []string) bool {
	for _, v := range values {
		if v != "" {
			return false
		}
	}
	return true
}

// one compares one value of the request with all values of the policy: any may match, and none of a negated
// operator's may.
func (c *condition) one(value string, ctx Context) bool {
	for _, want := range c.values {
		match, ok := want.compare(value, ctx)
		if !ok {
			return c.unclear
		}
		if match {
			return !c.negated
		}
	}
	return c.negated
}

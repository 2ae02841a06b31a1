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
	// values are compared one after the other; those of string operators are in texts.
	values []comparer
	texts  []glob
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

// condition reads operator, key and values. deny is the effect of the statement.
func (cc *compiler) condition(c *condition, src *Condition, deny bool) error {
	name, set := cutSet(src.Operator)
	base, ifExists := strings.CutSuffix(name, "IfExists")
	*c = condition{key: cc.lower(src.Key), set: set, unclear: deny}
	if src.Key == "" {
		return fmt.Errorf("condition operator %s has no key", src.Operator)
	}
	if base == "Null" {
		return compileNull(c, src, ifExists)
	}
	op, known := operators[base]
	if !known {
		return fmt.Errorf("unknown condition operator %q", src.Operator)
	}
	c.negated = op.negated
	c.absent = c.whenAbsent(ifExists)
	if err := cc.values(c, &op, src.Values); err != nil {
		return fmt.Errorf("%s on %s: %w", src.Operator, src.Key, err)
	}
	return nil
}

func (cc *compiler) values(c *condition, op *operator, values []string) (err error) {
	if op.compile == nil {
		how := op.text
		how.variables = cc.variables
		c.texts = cc.space.takeGlobs(len(values))
		for i, v := range values {
			if err := compileGlob(&c.texts[i], v, how); err != nil {
				return err
			}
		}
		return nil
	}
	c.values = make([]comparer, len(values))
	for i, v := range values {
		if c.values[i], err = op.compile(v, cc.variables); err != nil {
			return err
		}
	}
	return nil
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

func compileNull(c *condition, src *Condition, ifExists bool) error {
	if ifExists || c.set != setNone {
		return fmt.Errorf("unknown condition operator %q", src.Operator)
	}
	if len(src.Values) != 1 {
		return fmt.Errorf("operator Null on %s: wants exactly one value, true or false", src.Key)
	}
	want, err := parseBool(src.Values[0])
	if err != nil {
		return fmt.Errorf("operator Null on %s: %w", src.Key, err)
	}
	c.isNull, c.absent = true, want
	return nil
}

// holds says whether the condition is met.
func (c *condition) holds(ctx Context) bool {
	values := ctx.lookup(c.key)
	if len(c.values)+len(c.texts) == 0 && !c.isNull {
		return c.unclear // uncertain: AWS does not say what a condition without values means
	}
	if c.isNull {
		if len(values) > 0 && onlyEmpty(values) {
			// uncertain: false means that "the key exists and its value is not null", and AWS calls an empty string null;
			// whether true then holds it does not say.
			return c.unclear
		}
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
	result := matchAny(c.texts, value, ctx)
	for i := 0; i < len(c.values) && result != matchYes; i++ {
		switch match, ok := c.values[i].compare(value, ctx); {
		case match:
			result = matchYes
		case !ok:
			result = matchUnclear
		}
	}
	switch result {
	case matchYes:
		return !c.negated
	case matchUnclear:
		return c.unclear
	}
	return c.negated
}

package iam

// operator says how a condition operator, without set prefix and IfExists, reads the values of a policy.
type operator struct {
	// compile reads a value; nil for the string operators, whose values are patterns, and text says of what kind.
	// Policy variables may be used in those.
	compile func(value string, variables bool) (comparer, error)
	text    syntax
	negated bool
}

// operators holds every operator but Null.
var operators = map[string]operator{
	"StringEquals":              {},
	"StringNotEquals":           {negated: true},
	"StringEqualsIgnoreCase":    {text: syntax{fold: true}},
	"StringNotEqualsIgnoreCase": {text: syntax{fold: true}, negated: true},
	"StringLike":                {text: syntax{wildcards: true}},
	"StringNotLike":             {text: syntax{wildcards: true}, negated: true},

	"NumericEquals":            {compile: numericOperator(equal)},
	"NumericNotEquals":         {compile: numericOperator(equal), negated: true},
	"NumericLessThan":          {compile: numericOperator(less)},
	"NumericLessThanEquals":    {compile: numericOperator(less | equal)},
	"NumericGreaterThan":       {compile: numericOperator(greater)},
	"NumericGreaterThanEquals": {compile: numericOperator(greater | equal)},

	"DateEquals":            {compile: dateOperator(equal)},
	"DateNotEquals":         {compile: dateOperator(equal), negated: true},
	"DateLessThan":          {compile: dateOperator(less)},
	"DateLessThanEquals":    {compile: dateOperator(less | equal)},
	"DateGreaterThan":       {compile: dateOperator(greater)},
	"DateGreaterThanEquals": {compile: dateOperator(greater | equal)},

	"Bool":         {compile: compileBool},
	"BinaryEquals": {compile: compileBinary},

	"IpAddress":    {compile: compileIP},
	"NotIpAddress": {compile: compileIP, negated: true},

	// ArnEquals and ArnLike behave identically, as do their negations.
	"ArnEquals":    {compile: compileARN},
	"ArnLike":      {compile: compileARN},
	"ArnNotEquals": {compile: compileARN, negated: true},
	"ArnNotLike":   {compile: compileARN, negated: true},
}

// order is the set of results of a comparison that an operator accepts.
type order uint8

const (
	less order = 1 << iota
	equal
	greater
)

// accepts takes the result of a comparison of the request's value with the policy's: negative, zero, positive.
func (o order) accepts(result int) bool {
	switch {
	case result < 0:
		return o&less != 0
	case result > 0:
		return o&greater != 0
	default:
		return o&equal != 0
	}
}

package iam_test

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// simOperators are the operators that are natural for a type of key.
var simOperators = map[keyType][]string{
	keyString: {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
		"StringNotLike"},
	keyNumber: {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan",
		"NumericGreaterThanEquals"},
	keyDate: {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
		"DateGreaterThanEquals"},
	keyBool:   {"Bool"},
	keyIP:     {"IpAddress", "NotIpAddress"},
	keyARN:    {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
	keyBinary: {"BinaryEquals"},
}

func sortedContext(context map[string][]string) iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, name := range slices.Sorted(maps.Keys(context)) {
			if !yield(name, context[name]) {
				return
			}
		}
	}
}

func (s *simStatements) conditions(st *simStatement, match bool) {
	count := pick(s.simGenerator, []int{0, 0, 1, 1, 2})
	if !match {
		count = max(count, 1)
	}
	used := map[string]bool{}
	for i := range count {
		key := s.conditionKey()
		if used[strings.ToLower(key.name)] {
			continue
		}
		used[strings.ToLower(key.name)] = true
		s.condition(st, key, match || i > 0)
	}
}

// conditionKey prefers keys that the request has.
func (s *simStatements) conditionKey() simKey {
	for range 4 {
		key := pick(s.simGenerator, s.keys)
		if _, present := s.c.Context[key.name]; present {
			return key
		}
	}
	return pick(s.simGenerator, s.keys)
}

// condition adds a condition on the key that is meant to hold, or not to.
func (s *simStatements) condition(st *simStatement, key simKey, holds bool) {
	values, present := s.c.Context[key.name]
	if s.chance(8) {
		want := "false"
		if present != holds {
			want = "true"
		}
		addCondition(st, "Null", s.spell(key.name), simList{want})
		return
	}
	kind := key.kind
	if kind != keyString && kind != keyBool && kind != keyDate && s.chance(8) {
		kind = keyString // a number or an address can be compared as text
	}
	operator := pick(s.simGenerator, simOperators[operatorType(kind)])
	good := holds != strings.Contains(operator, "Not")
	list := s.conditionValues(kind, operator, values, good)
	operator = s.prefix(key) + operator
	if s.chance(20) && (present || !strings.HasPrefix(operator, "ForAny") || s.rare()) {
		operator += "IfExists"
	}
	addCondition(st, operator, s.spell(key.name), list)
}

func operatorType(kind keyType) keyType {
	if kind == keyEpoch {
		return keyDate
	}
	return kind
}

func (s *simStatements) prefix(key simKey) string {
	if key.many || s.chance(7) {
		return pick(s.simGenerator, []string{"ForAllValues:", "ForAnyValue:"})
	}
	return ""
}

// spell varies the case of a key.
func (s *simStatements) spell(key string) string {
	switch s.r.IntN(6) {
	case 0:
		return strings.ToLower(key)
	case 1:
		return strings.ToUpper(key)
	}
	return key
}

func addCondition(st *simStatement, operator, key string, values simList) {
	if st.Condition == nil {
		st.Condition = map[string]map[string]simList{}
	}
	if st.Condition[operator] == nil {
		st.Condition[operator] = map[string]simList{}
	}
	st.Condition[operator][key] = values
}

// conditionValues are some values and, when good, the request's.
func (s *simStatements) conditionValues(kind keyType, operator string, request []string, good bool) (list simList) {
	if good {
		for _, v := range request {
			list = append(list, s.conditionValue(kind, operator, v))
		}
	}
	for len(list) == 0 || kind != keyBool && s.chance(35) {
		v := s.value(kind)
		if kind == keyIP && s.chance(70) {
			v = pick(s.simGenerator, simRanges)
		}
		list = append(list, s.conditionValue(kind, operator, v))
	}
	s.shuffle(list)
	return list
}

// conditionValue writes a value as a policy may, so that it matches itself.
func (s *simStatements) conditionValue(kind keyType, operator, v string) string {
	switch {
	case kind == keyIP:
		return s.addressPattern(operator, v)
	case kind == keyARN:
		return s.arnPattern(v)
	case kind == keyDate && s.rare():
		return pick(s.simGenerator, simValues[keyEpoch])
	case kind != keyString || v == "":
		return v
	}
	if strings.Contains(v, "${") {
		return s.dollar(operator)
	}
	if strings.HasSuffix(operator, "IgnoreCase") && s.chance(40) {
		v = strings.ToUpper(v)
	}
	if strings.HasSuffix(operator, "Like") && s.chance(50) {
		i := s.r.IntN(len(v))
		v = pick(s.simGenerator, []string{v[:i] + "*", "*" + v[i:], v[:i] + "?" + v[i+1:], v[:i] + "*" + v[i:]})
	}
	if s.variables && s.chance(20) && (strings.HasSuffix(operator, "Like") || !strings.Contains(v, "*") || s.rare()) {
		return s.withVariable(v)
	}
	if s.variables && s.rare() {
		return "${" + s.absentKey() + "}"
	}
	return v
}

// dollar writes ${aws:username} as plain text, where the policy's version has a way to.
func (s *simStatements) dollar(operator string) string {
	switch {
	case s.variables && (strings.Contains(operator, "Like") || s.rare()):
		return "${$}{aws:username}"
	case !s.variables && s.rare():
		return "${aws:username}"
	default:
		return "$"
	}
}

func (s *simStatements) addressPattern(operator, v string) string {
	switch {
	case s.rare():
		return pick(s.simGenerator, []string{"0.0.0.0/0", "2001:DB8::1", "2001:db8:0:0::1"})
	case !strings.Contains(v, "/") && (operator == "IpAddress" || s.rare()):
		return v
	case strings.Contains(v, "/"):
		return v
	case strings.Contains(v, ":"):
		return v + "/128"
	default:
		return v + "/32"
	}
}

// arnPattern replaces parts of an ARN with wildcards.
func (s *simStatements) arnPattern(v string) string {
	parts := strings.SplitN(v, ":", 6)
	for i := 2; i < len(parts); i++ {
		if s.chance(20) {
			parts[i] = "*"
		}
	}
	last := parts[5]
	if last != "*" && s.chance(40) {
		i := s.r.IntN(len(last))
		parts[5] = pick(s.simGenerator, []string{last[:i] + "*", last[:i] + "?" + last[i+1:], "*" + last[i:]})
	} else if s.variables && s.chance(15) {
		parts[5] = s.withVariable(last)
	} else if s.variables && s.rare() {
		parts[4] = s.withVariable(parts[4])
	}
	return strings.Join(parts, ":")
}

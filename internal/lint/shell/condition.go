package shell

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/pattern"
	"mvdan.cc/sh/v3/syntax"
)

// matches says whether a text has the form of a pattern, as in case and [[ == ]].
func (s *state) matches(subject value, w *syntax.Word, node syntax.Node) bool {
	var form, plain strings.Builder
	known, wild := true, false
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			form.WriteString(p.Value)
			plain.WriteString(unquote(p.Value, false))
			wild = wild || strings.ContainsAny(p.Value, `*?[`)
		case *syntax.ExtGlob:
			form.WriteString(p.Op.String() + p.Pattern.Value + ")")
			wild = true
		default:
			v := s.part(p, false)
			known = known && v.known()
			form.WriteString(pattern.QuoteMeta(v.s, 0))
			plain.WriteString(v.s)
		}
	}
	if !wild {
		return s.equal(subject, s.literal(plain.String()), node)
	}
	if form.String() == "*" {
		return true
	}
	expr, err := pattern.Regexp(form.String(), pattern.EntireString|pattern.ExtendedOperators)
	if err != nil {
		return s.w.decide(node)
	}
	s.note(subject, value{s: strings.Trim(plain.String(), "*")}, node)
	if !known || len(subject.s) > maxName {
		return s.w.decide(node)
	}
	return s.w.search(subject, expr, node)
}

// search looks for a regular expression in a text. Where the text is not known it may match in what is.
func (w *world) search(subject value, expr string, node syntax.Node) bool {
	if len(expr) > 1000 {
		return w.decide(node)
	}
	w.pay(16 * (len(expr) + len(subject.s)))
	re, err := regexp.Compile(expr)
	if err != nil {
		return w.decide(node)
	}
	if re.MatchString(subject.s) {
		return true
	}
	return !subject.known() && !subject.hasNoOther(expr) && w.decide(node)
}

var (
	statusWord = regexp.MustCompile(`Success|Fail|TimedOut|Cancel|Pending|InProgress|Delayed`)
	ofNodes    = strings.NewReplacer(opaque("output").s, "", opaque("errors").s, "", opaque("instance").s, "")
)

// hasNoOther says whether a status that is looked for in a whole answer stands nowhere but where AWS writes it: that what a
// command printed, or the name of a node, holds the word is nothing that a script rests on.
func (v value) hasNoOther(form string) bool {
	return len(v.origins(ofRead)) > 0 && statusWord.MatchString(form) && value{s: ofNodes.Replace(v.s)}.known()
}

// equal compares two texts.
func (s *state) equal(a, b value, node syntax.Node) bool {
	s.note(a, b, node)
	s.note(b, a, node)
	switch {
	case a.s == b.s:
		return true
	case a.known() && b.known():
		return false
	case a.s == "" || b.s == "": // what is not known is not empty
		return false
	}
	return s.w.decide(node)
}

// note remembers that a status is looked at, and that it is compared with what it never is.
func (s *state) note(v, with value, node syntax.Node) {
	for _, o := range v.from {
		if o.event == nil {
			continue
		}
		if o.kind == ofRead && o.field != "StandardOutputContent" && o.field != "StandardErrorContent" {
			o.event.looked = true
		}
		if o.kind == ofRead && o.field == "Status" && slices.Contains(neverStatus, with.s) && len(v.from) == 1 {
			s.w.dead[s.source.at(node)] = with.s
		}
	}
}

// neverStatus are details, and words that look like statuses, which Status itself never is.
var neverStatus = []string{
	"Undeliverable", "Terminated", "Incomplete", "AccessDenied", "InvalidPlatform", "DeliveryTimedOut", "ExecutionTimedOut", "RateExceeded",
	"NoInstancesInTag", "LimitExceeded", "Delivery Timed Out", "Execution Timed Out", "Canceled", "Timed Out", "Timedout", "TimeOut", "Timeout",
	"Succeeded", "Completed", "In Progress", "SUCCESS", "FAILED", "PENDING", "IN_PROGRESS", "TIMED_OUT", "CANCELLED", "COMPLETED",
}

// testExpr is what stands between [[ and ]].
func (s *state) testExpr(x syntax.TestExpr, node syntax.Node) bool {
	switch x := x.(type) {
	case *syntax.ParenTest:
		return s.testExpr(x.X, x)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return !s.testExpr(x.X, x)
		}
		if w, ok := x.X.(*syntax.Word); ok {
			return s.unaryTest(x.Op.String(), s.word(w), x)
		}
	case *syntax.BinaryTest:
		return s.binaryTest(x)
	case *syntax.Word:
		return s.unaryTest("-n", s.word(x), x)
	}
	return s.w.decide(node)
}

func (s *state) binaryTest(x *syntax.BinaryTest) bool {
	switch x.Op {
	case syntax.AndTest:
		return s.testExpr(x.X, x) && s.testExpr(x.Y, x)
	case syntax.OrTest:
		return s.testExpr(x.X, x) || s.testExpr(x.Y, x)
	}
	a, isA := x.X.(*syntax.Word)
	b, isB := x.Y.(*syntax.Word)
	if !isA || !isB {
		return s.w.decide(x)
	}
	left := s.word(a)
	switch x.Op {
	case syntax.TsMatch, syntax.TsMatchShort:
		return s.matches(left, b, x)
	case syntax.TsNoMatch:
		return !s.matches(left, b, x)
	case syntax.TsReMatch:
		form := s.word(b)
		s.alternatives(left, form, x)
		if !form.known() {
			return s.w.decide(x)
		}
		return s.w.search(left, form.s, x)
	}
	return s.compare(x.Op.String(), left, s.word(b), x)
}

// alternatives notes each word of ^(Failed|Cancelled)$.
func (s *state) alternatives(v, form value, node syntax.Node) {
	for _, word := range strings.FieldsFunc(form.s, func(r rune) bool { return strings.ContainsRune("^$()|", r) }) {
		s.note(v, text(word), node)
	}
}

// compare is a test with two operands.
func (s *state) compare(op string, a, b value, node syntax.Node) bool {
	switch op {
	case "=", "==":
		return s.equal(a, b, node)
	case "!=":
		return !s.equal(a, b, node)
	}
	x, ok := s.number(a)
	y, also := s.number(b)
	s.note(a, b, node)
	if !ok || !also {
		return s.w.decide(node)
	}
	switch op {
	case "-eq":
		return x == y
	case "-ne":
		return x != y
	case "-lt":
		return x < y
	case "-le":
		return x <= y
	case "-gt":
		return x > y
	case "-ge":
		return x >= y
	}
	return s.w.decide(node)
}

// unaryTest is a test with one operand. Files that scripts write are there; of others nothing is known.
func (s *state) unaryTest(op string, v value, node syntax.Node) bool {
	switch op {
	case "-n":
		s.note(v, value{}, node)
		return v.s != ""
	case "-z":
		return v.s == ""
	case "-f", "-e", "-s", "-r":
		if content, ok := s.w.files[v.s]; ok {
			return op != "-s" || content.s != ""
		}
	case "-v":
		if v.known() && isName(v.s) {
			_, set := s.lookup(v.s, nil)
			return set
		}
	}
	return s.w.decide(node)
}

// test is the command [ with its arguments.
func (s *state) test(args []value, node syntax.Node) bool {
	// -o binds weakest, then -a, then !.
	for _, op := range []string{"-o", "-a"} {
		for i := 1; i < len(args)-1; i++ {
			if args[i].s == op && len(args) > 3 {
				a, b := s.test(args[:i], node), s.test(args[i+1:], node)
				return op == "-o" && (a || b) || op == "-a" && a && b
			}
		}
	}
	switch {
	case len(args) == 0:
		return false
	case args[0].s == "!" && len(args) > 1:
		return !s.test(args[1:], node)
	case args[0].s == "(" && args[len(args)-1].s == ")" && len(args) > 2:
		return s.test(args[1:len(args)-1], node)
	case len(args) == 1:
		return s.unaryTest("-n", args[0], node)
	case len(args) == 2:
		return s.unaryTest(args[0].s, args[1], node)
	case len(args) == 3:
		return s.compare(args[1].s, args[0], args[2], node)
	}
	return s.w.decide(node)
}

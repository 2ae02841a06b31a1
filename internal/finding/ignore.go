package finding

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// Rules about slipway's own comments in files.
var (
	reasonlessRule = Rule{
		Code: "SLW901", Name: "ignore-without-reason", Severity: Error, Subject: Any,
		Title:  "A comment ignores a finding, and does not say why, or names no rule.",
		Why:    "Nobody can tell later whether what was found was looked at, so the comment does not count.",
		Source: "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_permissions_continuous_reduction.html",
		Fix:    "# slipway:ignore SLW004 why it is meant to be so",
	}
	unusedRule = Rule{
		Code: "SLW902", Name: "ignore-unused", Severity: Warning, Subject: Any,
		Title:  "A comment ignores what is not there.",
		Why:    "It would hide what somebody writes there one day.",
		Source: "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_permissions_continuous_reduction.html",
		Fix:    "take the comment away",
	}
)

// Rules are those about comments.
var Rules = []Rule{reasonlessRule, unusedRule}

// Ignored is a finding that a comment says is meant to be so.
type Ignored struct {
	Finding
	Reason string `json:"reason"`
}

// ignore is one comment.
type ignore struct {
	line, column int
	codes        []Code
	reason       string
	// target is the line that it is about; zero for the whole file.
	target int
	// used are the codes of which it hid something.
	used map[Code]bool
}

var (
	ignoreComment = regexp.MustCompile(`(?:^|[\s;])(#\s*slipway:(ignore(?:-file)?)(?:$|\s+([^\r\n]*)))`)
	codeForm      = regexp.MustCompile(`^SLW[0-9]{3},?$`)
)

// ignores finds the comments of a file. One that stands behind something is about its line; one that has a line for itself
// is about the next line that is no comment, and `# slipway:ignore-file` about all of them.
func ignores(content []byte) []*ignore {
	if !bytes.Contains(content, []byte("slipway:ignore")) {
		return nil
	}
	lines := strings.Split(string(content), "\n")
	var list []*ignore
	for i, line := range lines {
		m := ignoreComment.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		ig := &ignore{line: i + 1, column: m[2] + 1, target: i + 1, used: map[Code]bool{}}
		switch {
		case line[m[4]:m[5]] == "ignore-file":
			ig.target = 0
		case strings.TrimSpace(line[:m[2]]) == "":
			ig.target = following(lines, i)
		}
		if m[6] >= 0 {
			ig.read(line[m[6]:m[7]])
		}
		list = append(list, ig)
	}
	return list
}

// following is the number of the first line after the one at index i that says something.
func following(lines []string, i int) int {
	for i++; i < len(lines); i++ {
		if text := strings.TrimSpace(lines[i]); text != "" && !strings.HasPrefix(text, "#") {
			break
		}
	}
	return i + 1
}

// read takes the codes and the reason out of a comment.
func (ig *ignore) read(text string) {
	words := strings.Fields(text)
	for len(words) > 0 && codeForm.MatchString(words[0]) {
		ig.codes = append(ig.codes, Code(strings.TrimSuffix(words[0], ",")))
		words = words[1:]
	}
	ig.reason = strings.Trim(strings.Join(words, " "), " -:–—")
}

func (ig *ignore) valid() bool { return len(ig.codes) > 0 && ig.reason != "" }

func (ig *ignore) covers(f *Finding) bool {
	return ig.valid() && (ig.target == 0 || ig.target == f.Line) && slices.Contains(ig.codes, f.Code)
}

// Ignore leaves out of the findings of one file those that its comments say are meant to be so, and adds what is wrong with
// these comments. known says whether there is a rule of a code.
func Ignore(file string, content []byte, findings []Finding, known func(Code) bool) (left []Finding, ignored []Ignored) {
	comments := ignores(content)
	for _, f := range findings {
		at := slices.IndexFunc(comments, func(ig *ignore) bool { return ig.covers(&f) })
		if at < 0 {
			left = append(left, f)
			continue
		}
		comments[at].used[f.Code] = true
		ignored = append(ignored, Ignored{Finding: f, Reason: Printable(comments[at].reason)})
	}
	for _, ig := range comments {
		left = append(left, ig.problems(file, known)...)
	}
	return left, ignored
}

func (ig *ignore) problems(file string, known func(Code) bool) []Finding {
	if !ig.valid() {
		what := "names no rule"
		if len(ig.codes) > 0 {
			what = "gives no reason"
		}
		return []Finding{reasonlessRule.At(file, ig.line, ig.column, "", "the comment %s, and ignores nothing", what)}
	}
	var list []Finding
	for _, code := range ig.codes {
		switch {
		case !known(code):
			list = append(list, unusedRule.At(file, ig.line, ig.column, "slipway explain lists the rules", "there is no rule %s", code))
		case !ig.used[code]:
			list = append(list, unusedRule.At(file, ig.line, ig.column, "", "%s is not found %s", code, ig.where()))
		}
	}
	return list
}

func (ig *ignore) where() string {
	if ig.target == 0 {
		return "in this file"
	}
	if ig.target == ig.line {
		return "in this line"
	}
	return "in the line that follows"
}

package shell

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
)

// shorthand finds parameters in shorthand that the CLI, or what is filled into them, may take apart (W7).
func (p *prober) shorthand() []finding.Finding {
	var found []finding.Finding
	for i := range p.program.Calls {
		c := &p.program.Calls[i]
		if c.Service != "ssm" || c.Operation != "send-command" {
			continue
		}
		at := site{script: c.Script, file: c.File, line: c.Line, column: c.Column}
		text, fills := p.given(c, at)
		if !strings.HasPrefix(text, "commands=") {
			continue
		}
		if why := fragile(text, fills, p.sequence.Plain); why != "" {
			found = append(found, p.flag(at, "--parameters").at(&shorthandRule, "commands=… in shorthand: %s", why))
		}
	}
	return found
}

// given are the parameters of a send and what is filled into them: as a run gives them, or as they are written where no
// run comes to it.
func (p *prober) given(c *Call, at site) (text string, fills []string) {
	for _, w := range p.runs(allWell) {
		i := slices.IndexFunc(w.events, func(e *event) bool { return e.at == at })
		if i >= 0 {
			text = w.events[i].flags["--parameters"].s
			for _, m := range unknownText.FindAllStringSubmatch(text, -1) {
				fills = append(fills, m[1])
			}
			return text, fills
		}
	}
	w, _ := c.Flag("--parameters")
	return w.Written, w.fills
}

var unknownText = regexp.MustCompile(`(?s)\x01([^\x02]*)\x02`)

// constant is what holds neither quotes nor commas nor line ends: commits, numbers, regions, times.
var constant = regexp.MustCompile(`^(\$\{\{ github\.(sha|run_id|run_number|run_attempt|repository|repository_owner) \}\}|` +
	`\$?(GITHUB_SHA|GITHUB_RUN_ID|GITHUB_RUN_NUMBER|GITHUB_RUN_ATTEMPT|GITHUB_REPOSITORY|AWS_REGION|AWS_DEFAULT_REGION|AWS_ACCOUNT_ID)|` +
	`part of \$?\x01?GITHUB_SHA\x02?|git rev-parse .*|date|arithmetic|EPOCHSECONDS)$`)

// fragile says what of a shorthand does not survive for certain.
func fragile(text string, fills, plain []string) string {
	for _, fill := range fills {
		if !constant.MatchString(fill) && !slices.Contains(plain, fill) {
			return shortened(fill) + " is filled in, and a quote, a comma or a line end in it changes what is sent"
		}
	}
	list := ownList(strings.TrimPrefix(text, "commands="))
	switch {
	case strings.Contains(list, "\n"):
		return "the CLI does not keep its line ends for certain"
	case strings.Contains(list, `\n`):
		return `the CLI does not make line ends of \n`
	case strings.Contains(list, `\"`):
		return "quotes within quotes"
	case !strings.HasPrefix(list, "[") && strings.Contains(unquotedPart(list), ","):
		return "the CLI splits it at each comma"
	case strings.HasPrefix(list, "[") && !strings.ContainsAny(list, `"'`) && strings.Contains(list, ","):
		return "the CLI splits it at each comma"
	}
	return ""
}

// unquotedPart is a text without what stands in quotes.
func unquotedPart(s string) string { return quotedText.ReplaceAllString(s, "") }

var quotedText = regexp.MustCompile(`"[^"]*"|'[^']*'`)

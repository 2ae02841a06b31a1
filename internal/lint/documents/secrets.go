package documents

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// secretName is what a parameter for a secret is called, and reference what one is that only says where it lies.
var (
	secretName = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|api_?key|access_?token|auth_?token)$`)
	located    = regexp.MustCompile(`^(/|arn:|\{\{)`)
)

func (c *check) secrets() {
	c.doc.Root.Walk(func(n *runbook.Node) {
		if n.Kind != runbook.Text {
			return
		}
		if kind := release.CertainSecretIn(n.Text); kind != "" {
			c.at(&secretText, n, "", "%s stands in the document", kind)
		}
	})
	for i := range c.doc.Parameters {
		p := &c.doc.Parameters[i]
		if p.Default != nil && p.Default.Text != "" && secretName.MatchString(p.Name) && !located.MatchString(p.Default.Text) {
			c.at(&secretDefault, p.Default, "", "parameter %s has its secret as its default", p.Name)
		}
	}
	c.secureReferences()
}

var secure = regexp.MustCompile(`\{\{\s*ssm-secure:`)

// secureReferences: only the token of aws:downloadContent is filled in.
func (c *check) secureReferences() {
	var allowed []*runbook.Node
	for _, s := range c.doc.Steps {
		if s.Action == "aws:downloadContent" {
			s.Inputs.Walk(func(n *runbook.Node) { allowed = append(allowed, n) })
		}
	}
	c.doc.Root.Walk(func(n *runbook.Node) {
		if at := secure.FindStringIndex(n.Text); n.Kind == runbook.Text && at != nil && !slices.Contains(allowed, n) {
			row, column := placeIn(n, at[0])
			c.found = append(c.found, secureReference.At(c.file, row, column, "", "ssm-secure is not filled in here"))
		}
	})
}

// session looks at the preferences of sessions (R41), and at the commands that sessions of other kinds run.
func (c *check) session() {
	c.interactive()
	inputs := c.doc.Root.Get("inputs")
	if kind := c.doc.Root.Value("sessionType"); kind != "Standard_Stream" {
		return // ports and tunnels cannot be logged
	}
	if inputs.Value("s3BucketName") != "" || inputs.Value("cloudWatchLogGroupName") != "" {
		return
	}
	at := c.doc.Root.Key("inputs")
	if at == nil {
		at = c.doc.Root.Key("sessionType")
	}
	c.at(&unlogged, at, "", "sessions are logged neither to CloudWatch Logs nor to a bucket")
}

// interactive looks for parameters that become part of the commands of a session (R29, R50).
func (c *check) interactive() {
	properties := c.doc.Root.Get("properties")
	if properties == nil {
		return
	}
	for _, f := range properties.Fields {
		commands := f.Value.Get("commands").Texts()
		if len(commands) > 0 {
			c.inserted(&script{step: runbook.Step{Name: f.Key.Text}, lines: commands, shell: f.Key.Text != "windows"})
		}
	}
}

// near is the likeliest of several names; empty where none is near.
func near(name string, names []string) string {
	best, least := "", 4
	for _, n := range slices.Sorted(slices.Values(names)) {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// maxName bounds what is compared.
const maxName = 100

// distance is the number of letters to insert, take out or replace.
func distance(a, b string) int {
	if len(a) > maxName || len(b) > maxName {
		return maxName
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}

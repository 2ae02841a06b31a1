package paths

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/roles"
)

// compiler compiles policies; a value that only a deploy knows speaks for who carries it, or against.
func (a *account) compiler(favourable bool) func(*iam.Document) (*iam.Policy, error) {
	return func(d *iam.Document) (*iam.Policy, error) {
		if d == nil {
			return nil, nil
		}
		a.open = a.open || d.HasIntrinsics()
		return iam.Compile(d.Deployed(favourable))
	}
}

// group is the ARN of a group, with its path where the group is there.
func (a *account) group(account, name string) string {
	if arn := a.groups[[2]string{account, name}]; arn != "" {
		return arn
	}
	return "arn:aws:iam::" + account + ":group/" + name
}

// addGroups adds the groups, of which each user who may be put into it can have what it allows.
func (a *account) addGroups(groups []roles.Group, favourable bool) error {
	compile := a.compiler(favourable)
	for i := range groups {
		g := &groups[i]
		out := escalation.Group{ARN: a.group(g.Account, g.Name), Open: a.Outside || len(g.Doubts) > 0}
		for _, p := range g.Policies {
			c, err := compile(p.Document)
			if err != nil {
				return err
			}
			out.Policies = append(out.Policies, c)
		}
		for _, x := range g.Attached {
			c, err := compile(x.Document)
			if err != nil {
				return err
			}
			if c == nil {
				out.Open = true
			} else {
				out.Policies = append(out.Policies, c)
			}
			if !strings.HasPrefix(x.ARN, "arn:aws:iam::aws:") {
				out.Attached = append(out.Attached, x.ARN)
			}
		}
		a.Groups = append(a.Groups, out)
	}
	return nil
}

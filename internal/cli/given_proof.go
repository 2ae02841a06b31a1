package cli

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// proofRoles are roles as the proof takes them. A role that the plan wants and nobody has by name may be one whose name only
// a deploy knows: it is there as one of which nothing is known.
func proofRoles(p *plan.Plan, set *roles.Set) []proof.Role {
	out := make([]proof.Role, 0, len(set.Roles))
	named := map[[2]string]bool{}
	var open []roles.Role
	for i := range set.Roles {
		r := &set.Roles[i]
		if _, marked := iam.IntrinsicJSON(r.Name); marked {
			open = append(open, *r)
			continue
		}
		named[[2]string{r.Account, r.Name}] = true
		out = append(out, proofRole(r))
	}
	for i := range set.Users {
		out = append(out, proofUser(&set.Users[i]))
	}
	for i := range p.Stages {
		for _, r := range p.Stages[i].Roles {
			key := [2]string{r.Account, r.Name}
			if stub, found := perhaps(r, open); found && !named[key] {
				named[key] = true
				out = append(out, stub)
			}
		}
	}
	if above := scps(set); above != nil {
		for i := range out {
			out[i].SCPs = above
		}
	}
	return out
}

// scps are the service control policies of the set, as one level beside FullAWSAccess; nil where there are none.
func scps(set *roles.Set) [][]*iam.Document {
	if len(set.SCPs) == 0 {
		return nil
	}
	level := []*iam.Document{{Name: "FullAWSAccess", Version: iam.Version2012,
		Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}}}
	for _, p := range set.SCPs {
		level = append(level, p.Document)
	}
	return [][]*iam.Document{level}
}

// perhaps is a planned role that may be one whose name only a deploy knows.
func perhaps(r plan.Role, open []roles.Role) (proof.Role, bool) {
	for i := range open {
		o := &open[i]
		if o.Account != r.Account || !given.Fits(o.Name, r.Name) || otherTrust(o.Trust, r.Kind) {
			continue
		}
		stub := proof.Role{Account: r.Account, Name: r.Name, Path: r.Path}
		give := "give --parameter NAME=VALUE"
		if o.Unnamed {
			give = "name it " + r.Name + " in the file"
		}
		stub.Unknown = doubts([]string{fmt.Sprintf("it may be the role at %s, whose name is only known when that is deployed: %s",
			placeText(o.Place), given.Shown(o.Name))}, give)
		return stub, true
	}
	return proof.Role{}, false
}

// otherTrust says whether a trust policy is one of another kind of role: only that of nodes lets in EC2 and nobody else.
func otherTrust(d *iam.Document, kind plan.RoleKind) bool {
	if d == nil || d.HasIntrinsics() || len(d.Statements) == 0 {
		return false
	}
	instances, others := false, false
	for i := range d.Statements {
		for _, p := range d.Statements[i].Principals {
			node := p.Kind == iam.KindService && !slices.ContainsFunc(p.Values, func(v string) bool { return v != plan.KindEC2.Service() })
			instances, others = instances || node, others || !node
		}
	}
	return kind != plan.KindNode && instances && !others
}

func placeText(p roles.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

func proofRole(r *roles.Role) proof.Role {
	h := held{r.Account, r.Name, r.Policies, r.Attached, r.Doubts}
	role := h.proof()
	role.Trust, role.Boundary = r.Trust, r.Boundary
	setPath(&role, r.Path)
	return role
}

func proofUser(u *roles.User) proof.Role {
	h := held{u.Account, "user-" + u.Name, u.Policies, u.Attached, u.Doubts}
	user := h.proof()
	user.User, user.Name, user.Boundary = true, u.Name, u.Boundary
	setPath(&user, u.Path)
	return user
}

// setPath says which path a role or a user has. One that only a deploy knows leaves everything open: it is part of the ARN.
func setPath(r *proof.Role, p string) {
	if _, marked := iam.IntrinsicJSON(p); !marked {
		r.Path = p
		return
	}
	r.Unknown = append(r.Unknown, doubts([]string{"its path, and with it its ARN, is only known when it is deployed: " + given.Shown(p)}, "give --parameter NAME=VALUE")...)
}

// proofBucket is the policy of a bucket as the proof takes it.
func proofBucket(b *roles.Bucket) proof.Bucket {
	out := proof.Bucket{Account: b.Account, Name: b.Name, Policy: b.Policy, Doubts: b.Doubts}
	if _, out.Open = iam.IntrinsicJSON(b.Name); out.Open {
		out.Name = iam.IntrinsicPattern(b.Name)
		out.Doubts = append([]string{fmt.Sprintf("the policy at %s is for %s", placeText(b.Place), given.Shown(b.Name))}, b.Doubts...)
	}
	return out
}

// held is what a role and a user hold alike. Folder is where the layout of roles render has it.
type held struct {
	account, folder string
	policies        []roles.Policy
	attached        []roles.Attached
	doubts          []string
}

func (h held) proof() proof.Role {
	role := proof.Role{Account: h.account, Name: h.folder}
	for _, p := range h.policies {
		role.Policies = append(role.Policies, p.Document)
	}
	for _, a := range h.attached {
		if a.Document != nil {
			role.Policies = append(role.Policies, a.Document)
			continue
		}
		role.Unknown = append(role.Unknown, proof.Unknown{
			What: "the attached policy " + given.Shown(a.ARN),
			Give: "give its text, as " + path.Join(cmp.Or(h.account, "ACCOUNT"), h.folder, "managed-NAME.json") + " or in an account dump",
		})
	}
	role.Unknown = append(role.Unknown, doubts(h.doubts, "")...)
	return role
}

// doubts are what is not known of a role, about what it may do and about who may be it.
func doubts(list []string, give string) (out []proof.Unknown) {
	for _, d := range list {
		layers, how := []iam.Layer{iam.LayerIdentity, iam.LayerTrust}, give
		if given.IsBoundaryDoubt(d) { // which gives nothing, and does not say who may enter
			layers = []iam.Layer{iam.LayerBoundary}
			how = cmp.Or(give, given.GiveBoundary)
		}
		for _, layer := range layers {
			out = append(out, proof.Unknown{Why: d, Give: how, Layer: layer})
		}
	}
	return out
}

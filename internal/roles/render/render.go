// Package render writes roles in the languages that accounts are kept in: CloudFormation and Terraform. Every statement has its
// reason as a comment above it.
//
// Account ids stand in the output as they are, and are no pseudo parameters: what a reviewer reads is what IAM gets, quotas
// can be counted and policies proved from the file, and the outputs for two accounts differ by what the release has
// differently for them (R95). The package is pure.
package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Options are what a set of roles does not say itself.
type Options struct {
	// App names the stack, and stands in the comments at the top.
	App string
	// Providers renders the OIDC providers that the trust policies name. An account has only one of each, so that most
	// have it already.
	Providers bool
}

// account is everything that one account gets, in the order in which it is written.
type account struct {
	id        string
	providers []provider
	policies  []policy
	roles     []roles.Role
	users     []roles.User
	buckets   []roles.Bucket
}

// provider is an issuer of tokens that trust policies name. An account has at most one of each.
type provider struct {
	host      string
	audiences []string
}

// policy is a managed policy of the account's own: attached to something, or a permissions boundary.
type policy struct {
	name, path, purpose string
	document            *iam.Document
	notes               []roles.Note
	// attachTo is the name of a role to which it is attached and that is made elsewhere; empty for none.
	attachTo string
}

func (p policy) arn(account string) string {
	return "arn:aws:iam::" + account + ":policy" + p.path + p.name
}

// accounts sorts a set by accounts. It fails where a name would stand for two things.
func accounts(s *roles.Set) ([]account, error) {
	byID := map[string]*account{}
	of := func(id string) *account {
		if byID[id] == nil {
			byID[id] = &account{id: id}
		}
		return byID[id]
	}
	for _, r := range s.Roles {
		a := of(r.Account)
		if !r.Adds {
			a.roles = append(a.roles, r)
			a.trusts(r.Trust)
		}
		if err := a.hold(&r); err != nil {
			return nil, fmt.Errorf("role %s: %w", r.Name, err)
		}
	}
	for _, u := range s.Users {
		a := of(u.Account)
		a.users = append(a.users, u)
		if err := a.held(u.Name, u.Path, "", u.Attached, u.Boundary); err != nil {
			return nil, fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	for _, b := range s.Buckets {
		a := of(b.Account)
		a.buckets = append(a.buckets, b)
	}
	var out []account
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		out = append(out, *byID[id])
	}
	return out, nil
}

// providerPurpose stands above an OIDC provider.
const providerPurpose = "Whose tokens the account takes. It lets nobody in by itself: the trust policies of the roles do."

// bucketPurpose stands above the policy of a bucket.
const bucketPurpose = "It takes the place of the bucket's policy. S3 refuses names of roles that are not there: the accounts that it names come first. " +
	"It is made in the bucket's region."

// providerName is what people call an issuer.
func providerName(host string) string {
	switch host {
	case plan.Issuer:
		return "GitHub"
	case "gitlab.com":
		return "GitLab"
	}
	return host
}

// needs says which providers must be there before the roles can be entered.
func (a *account) needs(o Options) []string {
	var hosts []string
	for _, p := range a.providers {
		hosts = append(hosts, p.host)
	}
	if len(hosts) == 0 || o.Providers {
		return nil
	}
	return append([]string{""}, roles.Wrap("The OIDC provider "+strings.Join(hosts, ", ")+" must be in the account. An account has one only; "+
		"--with oidc-provider renders it too.", 114)...)
}

// trusts notes the issuers that a trust policy names in its own account.
func (a *account) trusts(trust *iam.Document) {
	for _, host := range issuers(a.id, trust) {
		for i := range trust.Statements {
			a.provider(host, audiences(&trust.Statements[i], host))
		}
	}
	slices.SortFunc(a.providers, func(x, y provider) int { return cmp.Compare(x.host, y.host) })
}

// issuers are the hosts of the account's OIDC providers that a trust policy names.
func issuers(account string, trust *iam.Document) []string {
	var hosts []string
	if trust == nil {
		return nil
	}
	for i := range trust.Statements {
		for _, p := range trust.Statements[i].Principals {
			for _, v := range p.Values {
				if host, ok := strings.CutPrefix(v, "arn:aws:iam::"+account+":oidc-provider/"); ok && p.Kind == iam.KindFederated {
					hosts = append(hosts, host)
				}
			}
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

func (a *account) provider(host string, audiences []string) {
	i := slices.IndexFunc(a.providers, func(p provider) bool { return p.host == host })
	if i < 0 {
		i = len(a.providers)
		a.providers = append(a.providers, provider{host: host})
	}
	list := append(a.providers[i].audiences, audiences...)
	slices.Sort(list)
	a.providers[i].audiences = slices.Compact(list)
}

func audiences(st *iam.Statement, host string) []string {
	for _, c := range st.Conditions {
		if strings.EqualFold(c.Key, host+":aud") {
			return c.Values
		}
	}
	return nil
}

// hold notes the managed policies that come with a role: the attached ones whose text is known, and its boundary.
func (a *account) hold(r *roles.Role) error {
	attachTo := ""
	if r.Adds {
		attachTo = r.Name
	}
	return a.held(r.Name, r.Path, attachTo, r.Attached, made(r))
}

// held is that of whoever has the name: a role or a user.
func (a *account) held(name, path, attachTo string, attached []roles.Attached, boundary *iam.Document) error {
	if boundary != nil {
		p := policy{name: boundaryName(name), path: path, purpose: "The most that " + name + " can be allowed.", document: boundary}
		if err := a.add(p); err != nil {
			return err
		}
	}
	for _, at := range attached {
		own, ok := strings.CutPrefix(at.ARN, "arn:aws:iam::"+a.id+":policy/")
		if !ok || at.Document == nil {
			continue
		}
		p := policy{name: at.Name(), path: "/" + strings.TrimSuffix(own, at.Name()), document: at.Document, notes: at.Notes, attachTo: attachTo}
		if attachTo != "" {
			p.purpose = "What the role " + attachTo + ", which is there already, needs besides what it has. It is attached to it, and changes nothing else of it."
		}
		if err := a.add(p); err != nil {
			return err
		}
	}
	return nil
}

func (a *account) add(p policy) error {
	for _, have := range a.policies {
		switch {
		case have.name != p.name:
		case have.path == p.path && string(have.document.Compact()) == string(p.document.Compact()):
			return nil
		default:
			return fmt.Errorf("two managed policies of the name %s in account %s", p.name, a.id)
		}
	}
	a.policies = append(a.policies, p)
	return nil
}

// made is the boundary that is made with a role; nil for none, and for one that is in the account already.
func made(r *roles.Role) *iam.Document {
	if r.BoundaryARN != "" {
		return nil
	}
	return r.Boundary
}

// boundaryOf is the ARN of a role's boundary.
func boundaryOf(r *roles.Role) string {
	return cmp.Or(r.BoundaryARN, boundaryARN(r.Account, r.Path, r.Name))
}

// boundaryName is that of the managed policy that holds a role's or user's boundary.
func boundaryName(of string) string { return of + "-Boundary" }

func boundaryARN(account, path, of string) string {
	return policy{name: boundaryName(of), path: path}.arn(account)
}

// names gives things names that are unique after what a language does not take in names was dropped.
type names struct {
	convert func(string) string
	taken   map[string]string
}

func newNames(convert func(string) string) *names { return &names{convert, map[string]string{}} }

// of gives the name of a thing: always the same for the same kind and text.
func (n *names) of(kind, text string) string {
	name := n.convert(text)
	for i := 2; ; i++ {
		if owner, taken := n.taken[name]; !taken || owner == kind+" "+text {
			n.taken[name] = kind + " " + text
			return name
		}
		name = fmt.Sprintf("%s%d", n.convert(text), i)
	}
}

// words are the parts of a name: web-dev-Deploy has three.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	})
}

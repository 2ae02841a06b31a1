package roles

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// quotaOf is what IAM takes of a kind of policy (R118; IAM user guide, "IAM and AWS STS quotas").
func quotaOf(kind iam.PolicyKind, code iam.Code) int {
	for _, q := range iam.Quotas() {
		if q.Kind == kind && q.Code == code {
			return q.Max
		}
	}
	return 0
}

var (
	maxTrust   = quotaOf(iam.TrustPolicy, iam.CodeQuotaSize)
	maxInline  = quotaOf(iam.RolePolicy, iam.CodeQuotaSize) // all inline policies of a role together
	maxManaged = quotaOf(iam.ManagedPolicy, iam.CodeQuotaSize)
	// maxAttached is how many managed policies a role or a user carries.
	maxAttached = quotaOf(iam.RolePolicy, iam.CodeQuotaCount)
)

// part is statements with their notes, on the way into a policy of their own.
type part struct {
	services   []string
	statements []iam.Statement
	notes      []Note
}

// fit keeps a role within IAM's quotas (R118): where its inline policies are too large together, each service's statements
// become managed policies, <Role>-<service>, <Role>-<service>-2 and so on. The statements keep their order, and what
// changes in one service's statements changes that service's policies only (R77). It fails where even these are too many.
func (r *Role) fit() error {
	if r.size() <= maxInline {
		return nil
	}
	return r.spread("arn:aws:iam::" + r.Account + ":policy" + r.Path + r.Name)
}

// size is that of all inline policies together.
func (r *Role) size() (total int) {
	for _, p := range r.Policies {
		total += p.Document.Size()
	}
	return total
}

// spread makes managed policies of the inline ones. Their ARNs begin with base.
func (r *Role) spread(base string) error {
	var parts []part
	for _, service := range services(r.Policies) {
		list, err := pack(service, r.Policies)
		if err != nil {
			return err
		}
		parts = append(parts, list...)
	}
	room := maxAttached - len(r.Attached)
	if len(parts) > room {
		parts = join(parts)
	}
	if len(parts) > room {
		return fmt.Errorf("its policies have %d characters; in managed policies of %d at the most they are %d, and a role takes %d: "+
			"name the nodes by tags instead of ids, or split the stage", r.size(), maxManaged, len(parts), room)
	}
	r.Policies = nil
	for i, p := range parts {
		r.Attached = append(r.Attached, p.attached(r, base, parts[:i]))
	}
	return nil
}

// serviceOf names the group that a statement belongs to.
func serviceOf(st *iam.Statement) string {
	for _, a := range append(st.Actions, st.NotActions...) {
		if service, _, ok := strings.Cut(a, ":"); ok {
			return service
		}
	}
	return "all"
}

// services are those of the statements, each once, in the order in which they come.
func services(policies []Policy) []string {
	var out []string
	for _, p := range policies {
		for i := range p.Document.Statements {
			out = add(out, serviceOf(&p.Document.Statements[i]))
		}
	}
	return out
}

// pack puts one service's statements into parts, none larger than a managed policy.
func pack(service string, policies []Policy) ([]part, error) {
	var out []part
	var errs []error
	for _, p := range policies {
		for i := range p.Document.Statements {
			st := p.Document.Statements[i]
			if serviceOf(&st) != service {
				continue
			}
			pieces, err := cut(st)
			errs = append(errs, err)
			for _, piece := range pieces {
				note := NoteOf(p.Notes, st.Sid)
				note.Sid = piece.Sid
				out = put(out, part{[]string{service}, []iam.Statement{piece}, []Note{note}})
			}
		}
	}
	return out, errors.Join(errs...)
}

// put appends to the last part, or begins another where that would be too large.
func put(parts []part, p part) []part {
	if n := len(parts); n > 0 {
		last := &parts[n-1]
		both := slices.Concat(last.statements, p.statements)
		if sizeOf(both) <= maxManaged {
			last.statements, last.notes = both, slices.Concat(last.notes, p.notes)
			for _, s := range p.services {
				last.services = add(last.services, s)
			}
			return parts
		}
	}
	return append(parts, p)
}

// join puts neighbours together that fit into one policy, whatever their service.
func join(parts []part) []part {
	var out []part
	for _, p := range parts {
		out = put(out, p)
	}
	return out
}

func sizeOf(statements []iam.Statement) int {
	return (&iam.Document{Version: iam.Version2012, Statements: statements}).Size()
}

// cut divides a statement that alone is larger than a managed policy by its resources: IAM asks for each resource of a
// request by itself, so that it makes no difference in which statement it is found. The pieces have the Sids X, X2, X3.
func cut(st iam.Statement) ([]iam.Statement, error) {
	var out []iam.Statement
	for rest := st.Resources; len(rest) > 0 || len(out) == 0; {
		piece := st
		if len(out) > 0 {
			piece.Sid = fmt.Sprintf("%s%d", st.Sid, len(out)+1)
		}
		// The most resources that fit.
		fits := sort.Search(len(rest), func(n int) bool {
			piece.Resources = rest[:n+1]
			return sizeOf([]iam.Statement{piece}) > maxManaged
		})
		piece.Resources = rest[:fits]
		if n := sizeOf([]iam.Statement{piece}); fits == 0 || n > maxManaged {
			piece.Resources = rest[:min(1, len(rest))]
			return nil, fmt.Errorf("statement %s has %d characters with one resource alone, and IAM takes %d for a managed policy",
				st.Sid, sizeOf([]iam.Statement{piece}), maxManaged)
		}
		rest = rest[fits:]
		out = append(out, piece)
	}
	return out, nil
}

// attached makes the managed policy, whose ARN begins with base, with a name that none of those before it has.
func (p part) attached(r *Role, base string, before []part) Attached {
	services := strings.Join(p.services, "-")
	n := 1
	for _, b := range before {
		if strings.Join(b.services, "-") == services {
			n++
		}
	}
	at := strings.LastIndexByte(base, '/') + 1
	name := base[at:]
	if services != "" {
		name += "-" + services
	}
	if n > 1 {
		name = fmt.Sprintf("%s-%d", name, n)
	}
	const maxName = 128
	name = name[:min(len(name), maxName)]
	return Attached{
		ARN:   base[:at] + name,
		Notes: p.notes,
		Document: &iam.Document{
			Name: managedFile(r.Account, r.Name, name), Version: iam.Version2012, Statements: p.statements,
		},
	}
}

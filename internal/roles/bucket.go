package roles

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// maxBucketPolicy is what S3 takes, in bytes.
const maxBucketPolicy = 20 << 10

// buckets renders the policies of the buckets that lie in another account than roles that use them: across accounts
// both sides must allow (R130).
func buckets(p *plan.Plan) ([]Bucket, error) {
	var out []Bucket
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, r := range stage.Roles {
			for account, grants := range foreign(stage, r) {
				name := bucketOf(grants[0].resources[0])
				j := slices.IndexFunc(out, func(b Bucket) bool { return b.Account == account && b.Name == name })
				if j < 0 {
					j = len(out)
					out = append(out, Bucket{Account: account, Name: name, Policy: &iam.Document{
						Name: bucketFile(account, name), Version: iam.Version2012,
					}})
				}
				out[j].add(stage, r, grants)
			}
		}
	}
	var errs []error
	for _, b := range out {
		errs = append(errs, reread(b.Policy))
		if n := len(b.Policy.JSON()); n > maxBucketPolicy {
			errs = append(errs, fmt.Errorf("the policy of bucket %s has %d bytes, and S3 takes %d: too many stages keep their record in it",
				b.Name, n, maxBucketPolicy))
		}
	}
	return out, errors.Join(errs...)
}

// foreign gathers what a role calls on buckets of other accounts, by account.
func foreign(stage *plan.Stage, r plan.Role) map[string][]*statement {
	grants := map[string][]*statement{}
	for i := range stage.Calls {
		c := stage.Calls[i] // a copy: only the resources elsewhere are asked for
		if c.Role != r.Kind || c.NoPermission {
			continue
		}
		for _, resource := range stage.Calls[i].Resources {
			if resource.Account != "" && strings.HasPrefix(resource.ARN, "arn:aws:s3:::") {
				c.Resources = []plan.Resource{resource}
				grants[resource.Account] = grant(grants[resource.Account], &c)
			}
		}
	}
	for account, list := range grants {
		grants[account] = merge(list)
	}
	return grants
}

// add appends the statements of one role. The role must exist before S3 takes the policy.
func (b *Bucket) add(stage *plan.Stage, r plan.Role, grants []*statement) {
	for _, g := range grants {
		st := g.document()
		st.Sid = alphanumeric(r.Name) + g.sid
		st.Principals = []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{r.ARN()}}}
		b.Policy.Statements = append(b.Policy.Statements, st)
		note := g.note()
		note.Sid = st.Sid
		note.Reason = fmt.Sprintf("Stage %s lies in account %s, and the bucket in %s: both must allow. %s", stage.Name, r.Account, b.Account, note.Reason)
		b.Notes = append(b.Notes, note)
	}
}

// bucketOf is the bucket in the ARN of one, or of an object.
func bucketOf(arn string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(arn, "arn:aws:s3:::"), "/")
	return name
}

// alphanumeric drops what a Sid may not contain.
func alphanumeric(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

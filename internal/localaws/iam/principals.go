package iam

import (
	"context"
	"regexp"
	"slices"

	engine "github.com/slipway-cd/slipway/iam"
)

// entityARN is the ARN of a user or a role: account, kind, and the name without its path.
var entityARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):(user|role)/(?:.*/)?([^/]+)$`)

var groupARN = regexp.MustCompile(`^arn:aws:iam::\d{12}:group/`)

// checkPrincipals refuses a trust policy that names a user or a role that is not there, as IAM does. An account that
// this local AWS does not have cannot be asked, and is believed.
func checkPrincipals(ctx context.Context, q querier, document string) error {
	doc, err := engine.Parse("trust policy", []byte(document))
	if err != nil {
		return err
	}
	for _, statement := range doc.Statements {
		for _, p := range slices.Concat(statement.Principals, statement.NotPrincipals) {
			if p.Kind != "AWS" {
				continue
			}
			for _, value := range p.Values {
				ok, err := principalExists(ctx, q, value)
				if err != nil {
					return err
				}
				if !ok {
					return malformed(`Invalid principal in policy: "AWS":"%s"`, value)
				}
			}
		}
	}
	return nil
}

func principalExists(ctx context.Context, q querier, value string) (bool, error) {
	m := entityARN.FindStringSubmatch(value)
	if m == nil {
		// An account, a session or everybody, but no group: "You cannot identify a user group as a principal".
		return !groupARN.MatchString(value), nil
	}
	account, kind, name := m[1], m[2], m[3]
	n, err := count(ctx, q, `SELECT count(*) FROM iam_accounts WHERE id = ?`, account)
	if err != nil || n == 0 {
		return err == nil, err
	}
	if kind == "user" {
		u, err := findUser(ctx, q, account, name)
		return u != nil && u.arn() == value, err
	}
	r, err := findRole(ctx, q, account, name)
	return r != nil && r.ARN() == value, err
}

package gateway

import "github.com/slipway-cd/slipway/iam"

// Organizations tells what the organization that an account is in lays on it. The local AWS Organizations implements
// it; every decision asks it twice, so it answers from memory.
type Organizations interface {
	// Membership of an account; nil when it is in no organization.
	Membership(account string) *Membership
}

// Membership is the place of an account in an organization. It is immutable.
type Membership struct {
	Organization string // o-…
	Path         string // o-…/r-…/ou-…/, as aws:PrincipalOrgPaths has it
	// SCPs limit the principals of the account and RCPs what may be done to its resources, by level, the root first. They
	// are nil where the organization does not use them, and for its management account.
	SCPs, RCPs [][]*iam.Policy
}

// membership of an account; nil when it is in no organization, or there are none.
func (g *Gateway) membership(account string) *Membership {
	if g.cfg.Organizations == nil || account == "" {
		return nil
	}
	return g.cfg.Organizations.Membership(account)
}

// organization adds the condition keys of the organizations of the caller and of the resource's account, and gives the
// policies that limit what may be done to that account's resources.
func (c *Call) organization(m map[string][]string, resourceAccount string) [][]*iam.Policy {
	if c.Caller.Kind == iam.PrincipalAWS {
		if own := c.gw.membership(c.Caller.Account); own != nil {
			m["aws:PrincipalOrgID"] = []string{own.Organization}
			m["aws:PrincipalOrgPaths"] = []string{own.Path}
		}
	}
	owner := c.gw.membership(resourceAccount)
	if owner == nil {
		return nil
	}
	m["aws:ResourceOrgID"] = []string{owner.Organization}
	m["aws:ResourceOrgPaths"] = []string{owner.Path}
	return owner.RCPs
}

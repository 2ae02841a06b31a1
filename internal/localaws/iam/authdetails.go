package iam

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The wire structures of everything that an account has.
type (
	authDetailsIn struct {
		Filter []string
		paging
	}
	policyDetail struct{ PolicyName, PolicyDocument string }
	userDetail   struct {
		userShape
		UserPolicyList          []policyDetail
		GroupList               []string
		AttachedManagedPolicies []attachedPolicy
	}
	groupDetail struct {
		groupShape
		GroupPolicyList         []policyDetail
		AttachedManagedPolicies []attachedPolicy
	}
	roleDetail struct {
		roleShape
		InstanceProfileList     []profileShape
		RolePolicyList          []policyDetail
		AttachedManagedPolicies []attachedPolicy
	}
	managedDetail struct {
		policyShape
		PolicyVersionList []versionShape
	}
	authDetailsOut struct {
		UserDetailList  []userDetail
		GroupDetailList []groupDetail
		RoleDetailList  []roleDetail
		Policies        []managedDetail
		listed
	}
)

func (s *Service) authDetailsOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("GetAccountAuthorizationDetails", func(context.Context, *gateway.Call, *authDetailsIn) ([]gateway.Access, error) { return everything() }, s.authDetails).
			Except("of the policies of AWS those in use are listed"),
	}
}

// detailKinds are what can be asked for, in the order in which the answer lists it.
var detailKinds = []string{"User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"}

// detail is one entity of the answer, which is read once its page has come.
type detail struct {
	key string
	add func(*authDetailsOut) error
}

func (s *Service) authDetails(ctx context.Context, c *gateway.Call, in *authDetailsIn) (*authDetailsOut, error) {
	for _, f := range in.Filter {
		if !slices.Contains(detailKinds, f) {
			return nil, invalid("1 validation error detected: Value at 'filter' failed to satisfy constraint: Member must satisfy enum value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]")
		}
	}
	read := map[string]func(context.Context, string) ([]detail, error){
		"User": s.userDetails, "Group": s.groupDetails, "Role": s.roleDetails, "LocalManagedPolicy": s.localDetails, "AWSManagedPolicy": s.awsDetails,
	}
	var all []detail
	for i, kind := range detailKinds {
		if len(in.Filter) > 0 && !slices.Contains(in.Filter, kind) {
			continue
		}
		details, err := read[kind](ctx, c.Caller.Account)
		if err != nil {
			return nil, err
		}
		for _, d := range details {
			d.key = strconv.Itoa(i) + d.key
			all = append(all, d)
		}
	}
	out := &authDetailsOut{UserDetailList: []userDetail{}, GroupDetailList: []groupDetail{}, RoleDetailList: []roleDetail{}, Policies: []managedDetail{}}
	part, rest, err := page(in.paging, all, func(d detail) string { return d.key })
	if err != nil {
		return nil, err
	}
	out.listed = rest
	for _, d := range part {
		if err := d.add(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// held gives the policies of an owner.
func (s *Service) held(ctx context.Context, o owner) (inline []policyDetail, attached []attachedPolicy, err error) {
	inline, err = many(ctx, s.db, func(rows *sql.Rows) (p policyDetail, err error) {
		err = rows.Scan(&p.PolicyName, &p.PolicyDocument)
		p.PolicyDocument = encoded(p.PolicyDocument)
		return p, err
	}, `SELECT name, document FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? ORDER BY name`, o.args()...)
	if err != nil {
		return nil, nil, err
	}
	arns, err := many(ctx, s.db, scanText, `SELECT arn FROM iam_attached WHERE account = ? AND kind = ? AND owner = ? ORDER BY arn`, o.args()...)
	attached = []attachedPolicy{}
	for _, a := range arns {
		attached = append(attached, attachedPolicy{nameOf(a), a})
	}
	return inline, attached, err
}

func (s *Service) userDetails(ctx context.Context, account string) ([]detail, error) {
	users, err := many(ctx, s.db, scanUser, `SELECT `+userColumns+` FROM iam_users WHERE account = ? ORDER BY name`, account)
	var details []detail
	for _, u := range users {
		details = append(details, detail{u.name, func(out *authDetailsOut) (err error) {
			d := userDetail{userShape: u.shape(), GroupList: []string{}}
			if d.UserPolicyList, d.AttachedManagedPolicies, err = s.held(ctx, owner{account, "user", u.name}); err != nil {
				return err
			}
			groups, err := groupsOf(ctx, s.db, account, u.name)
			for _, g := range groups {
				d.GroupList = append(d.GroupList, g.name)
			}
			out.UserDetailList = append(out.UserDetailList, d)
			return err
		}})
	}
	return details, err
}

func (s *Service) groupDetails(ctx context.Context, account string) ([]detail, error) {
	groups, err := many(ctx, s.db, scanGroup, `SELECT `+groupColumns+` FROM iam_groups WHERE account = ? ORDER BY name`, account)
	var details []detail
	for _, g := range groups {
		details = append(details, detail{g.name, func(out *authDetailsOut) (err error) {
			d := groupDetail{groupShape: g.shape()}
			d.GroupPolicyList, d.AttachedManagedPolicies, err = s.held(ctx, owner{account, "group", g.name})
			out.GroupDetailList = append(out.GroupDetailList, d)
			return err
		}})
	}
	return details, err
}

func (s *Service) roleDetails(ctx context.Context, account string) ([]detail, error) {
	roles, err := many(ctx, s.db, scanRole, `SELECT `+roleColumns+` FROM iam_roles WHERE account = ? ORDER BY name`, account)
	var details []detail
	for _, r := range roles {
		details = append(details, detail{r.Name, func(out *authDetailsOut) error {
			d, err := s.roleDetail(ctx, r)
			out.RoleDetailList = append(out.RoleDetailList, d)
			return err
		}})
	}
	return details, err
}

func (s *Service) roleDetail(ctx context.Context, r *Role) (d roleDetail, err error) {
	d = roleDetail{roleShape: r.shape(), InstanceProfileList: []profileShape{}}
	d.Description, d.MaxSessionDuration = "", 0 // not of this structure
	if d.RoleLastUsed, err = s.roleUse(ctx, r); err != nil {
		return d, err
	}
	if d.RolePolicyList, d.AttachedManagedPolicies, err = s.held(ctx, owner{r.Account, "role", r.Name}); err != nil {
		return d, err
	}
	profiles, err := profilesOf(ctx, s.db, r.Account, r.Name)
	if err != nil {
		return d, err
	}
	for _, p := range profiles {
		shape, err := p.shape(ctx, s.db)
		if err != nil {
			return d, err
		}
		d.InstanceProfileList = append(d.InstanceProfileList, shape)
	}
	return d, nil
}

func (s *Service) localDetails(ctx context.Context, account string) ([]detail, error) {
	list, err := many(ctx, s.db, scanPolicy, `SELECT `+policyColumns+` FROM iam_policies WHERE account = ? ORDER BY arn`, account)
	return s.managedDetails(ctx, account, list), err
}

// awsDetails lists the policies of AWS that somebody in the account has. uncertain: whether AWS lists all others as well.
func (s *Service) awsDetails(ctx context.Context, account string) ([]detail, error) {
	var used []*managedPolicy
	for _, p := range listAWSPolicies() {
		entities, err := entitiesOf(ctx, s.db, account, p.arn, "")
		if err != nil {
			return nil, err
		}
		if len(entities) > 0 {
			used = append(used, p)
		}
	}
	slices.SortFunc(used, func(a, b *managedPolicy) int { return strings.Compare(a.arn, b.arn) })
	return s.managedDetails(ctx, account, used), nil
}

func (s *Service) managedDetails(ctx context.Context, account string, list []*managedPolicy) []detail {
	var details []detail
	for _, p := range list {
		details = append(details, detail{p.arn, func(out *authDetailsOut) error {
			d, err := s.managedDetail(ctx, account, p)
			out.Policies = append(out.Policies, d)
			return err
		}})
	}
	return details
}

// managedDetail is a policy with all its versions and their texts.
func (s *Service) managedDetail(ctx context.Context, account string, p *managedPolicy) (managedDetail, error) {
	shape, err := p.shape(ctx, s.db, account)
	if err != nil {
		return managedDetail{}, err
	}
	shape.Tags = nil // not of this structure
	versions, err := p.versions(ctx, s.db)
	if err != nil {
		return managedDetail{}, err
	}
	for i := range versions {
		number, err := (&policyVersionIn{VersionId: versions[i].VersionId}).number()
		if err != nil {
			return managedDetail{}, err
		}
		text, _, err := p.document(ctx, s.db, number)
		if err != nil {
			return managedDetail{}, err
		}
		versions[i].Document = encoded(text)
	}
	return managedDetail{shape, versions}, nil
}

package iam

import (
	"context"
	"regexp"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

var aliasPattern = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,}$`)

// The wire structures of what an account has as a whole.
type (
	aliasIn    struct{ AccountAlias string }
	aliasesIn  struct{ paging }
	aliasesOut struct {
		AccountAliases []string
		listed
	}
	summaryOut struct{ SummaryMap map[string]int }
)

func (s *Service) accountOperations() []gateway.Operation {
	onAlias := func(context.Context, *gateway.Call, *aliasIn) ([]gateway.Access, error) { return everything() }
	return []gateway.Operation{
		gateway.Op("CreateAccountAlias", onAlias, s.createAlias),
		gateway.Op("DeleteAccountAlias", onAlias, s.deleteAlias),
		gateway.Op("ListAccountAliases", func(context.Context, *gateway.Call, *aliasesIn) ([]gateway.Access, error) { return everything() }, s.listAliases),
		gateway.Op("GetAccountSummary", func(context.Context, *gateway.Call, *empty) ([]gateway.Access, error) { return everything() }, s.getSummary),
	}
}

// everything is the access of an action without resource types, as IAM names it.
func everything() ([]gateway.Access, error) { return []gateway.Access{{Resource: "*"}}, nil }

// createAlias gives the account an alias in place of the one that it had. No two accounts have the same.
func (s *Service) createAlias(ctx context.Context, c *gateway.Call, in *aliasIn) (*empty, error) {
	if len(in.AccountAlias) > maxAlias || !aliasPattern.MatchString(in.AccountAlias) {
		return nil, invalid("1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$")
	}
	return &empty{}, s.write(ctx, func(q querier) error {
		n, err := count(ctx, q, `SELECT count(*) FROM iam_aliases WHERE alias = ? AND account <> ?`, in.AccountAlias, c.Caller.Account)
		if err != nil || n > 0 {
			return orElse(err, alreadyExists("The account alias %s already exists.", in.AccountAlias))
		}
		_, err = exec(ctx, q, `INSERT OR REPLACE INTO iam_aliases (account, alias) VALUES (?, ?)`, c.Caller.Account, in.AccountAlias)
		return err
	})
}

func (s *Service) deleteAlias(ctx context.Context, c *gateway.Call, in *aliasIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		n, err := exec(ctx, q, `DELETE FROM iam_aliases WHERE account = ? AND alias = ?`, c.Caller.Account, in.AccountAlias)
		if err == nil && n == 0 {
			err = noSuchEntity("The account alias %s does not exist.", in.AccountAlias)
		}
		return err
	})
}

func (s *Service) listAliases(ctx context.Context, c *gateway.Call, in *aliasesIn) (*aliasesOut, error) {
	aliases, err := many(ctx, s.db, scanText, `SELECT alias FROM iam_aliases WHERE account = ?`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	out := &aliasesOut{}
	out.AccountAliases, out.listed, err = page(in.paging, aliases, strings.Clone)
	return out, err
}

// getSummary counts what the account has, and names the quotas that are applied here.
func (s *Service) getSummary(ctx context.Context, c *gateway.Call, _ *empty) (*summaryOut, error) {
	m := map[string]int{
		"UsersQuota": maxUsers, "GroupsQuota": maxGroups, "RolesQuota": maxRoles, "PoliciesQuota": maxPolicies,
		"InstanceProfilesQuota": maxProfiles, "GroupsPerUserQuota": maxGroupsOfUser, "AccessKeysPerUserQuota": maxKeys,
		"UserPolicySizeQuota": maxUserInline, "GroupPolicySizeQuota": maxGroupInline, "RolePolicySizeQuota": maxRoleInline,
		"AssumeRolePolicySizeQuota": maxTrust, "PolicySizeQuota": maxManaged, "VersionsPerPolicyQuota": maxVersions,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
		// There is no root user here, and neither MFA devices nor certificates.
		"AccountAccessKeysPresent": 0, "AccountMFAEnabled": 0, "AccountSigningCertificatesPresent": 0,
		"MFADevices": 0, "MFADevicesInUse": 0, "ServerCertificates": 0,
	}
	for name, table := range map[string]string{
		"Users": "iam_users", "Groups": "iam_groups", "Roles": "iam_roles", "Policies": "iam_policies",
		"InstanceProfiles": "iam_profiles", "Providers": "iam_providers",
	} {
		n, err := count(ctx, s.db, `SELECT count(*) FROM `+table+` WHERE account = ?`, c.Caller.Account)
		if err != nil {
			return nil, err
		}
		m[name] = n
	}
	n, err := count(ctx, s.db, `SELECT count(*) FROM iam_policy_versions v JOIN iam_policies p ON p.arn = v.arn WHERE p.account = ?`, c.Caller.Account)
	m["PolicyVersionsInUse"] = n
	return &summaryOut{m}, err
}

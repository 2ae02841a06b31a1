package needs

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/roles"
)

// match finds the role that a call is made with. One whose file does not say which account it is for may be that of any, and
// one that is known to be another account's is another role. Where there is none, or more than one, why says so.
func match(set *roles.Set, arn, name string) (role *roles.Role, why string) {
	account := ""
	if arn != "" {
		account, name = asked{entry: pipelines.Entry{Role: arn}}.account(), pipelines.RoleName(arn)
	}
	var accounts []string
	for i := range set.Roles {
		r := &set.Roles[i]
		if r.Name != name || account != "" && r.Account != "" && r.Account != account {
			continue
		}
		accounts = append(accounts, cmp.Or(r.Account, "one that its file does not tell"))
		if role == nil || role.Account == "" {
			role = r
		}
	}
	switch {
	case role == nil:
		return nil, fmt.Sprintf("the role that it is made with, %s, is not given", cmp.Or(spoken(arn, name), "which the file does not tell"))
	case len(accounts) > 1 && role.Account != account:
		return nil, fmt.Sprintf("which role %s it is made with is not told: there is one in the accounts %s", name, strings.Join(accounts, ", "))
	}
	return role, ""
}

// spoken is a role as messages name it: with its account where that is known.
func spoken(arn, name string) string {
	if arn == "" {
		return name
	}
	return fmt.Sprintf("%s of account %s", name, strings.SplitN(arn, ":", 6)[4])
}

package sts

import (
	"regexp"
	"strings"
	"sync"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// claimKey is a condition key of STS that is a claim of an issuer's tokens.
type claimKey struct {
	issuer *regexp.Regexp // of the issuer without its scheme
	claim  string
}

var variablePart = regexp.MustCompile(`\\\$\\\{\w+\\\}`)

// claimKeys are the claims that AWS knows as condition keys, by issuer ("Available keys for AWS OIDC federation", IAM user
// guide), as the catalog has them: token.actions.githubusercontent.com:repository, gitlab.com:project_id.
var claimKeys = sync.OnceValue(func() []claimKey {
	var keys []claimKey
	for _, key := range catalog.ConditionKeys("sts") {
		issuer, claim, ok := strings.Cut(key.Name, ":")
		if !ok || !strings.Contains(issuer, ".") {
			continue // sts:, aws:, saml:
		}
		pattern := variablePart.ReplaceAllString(regexp.QuoteMeta(issuer), `[^:/]+`)
		keys = append(keys, claimKey{regexp.MustCompile("^" + pattern + "$"), claim})
	}
	return keys
})

// issuerHost is an issuer without its scheme: the prefix of its condition keys.
func issuerHost(issuer string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(issuer, "https://"), "http://"), "/")
}

// conditions are the context keys of the trust policy: <issuer>:sub, :aud and :amr, and those claims of the issuer's own
// that AWS knows. A trust policy that asks for any other claim is never satisfied.
func (t *claims) conditions(roleSession string) map[string][]string {
	host := issuerHost(t.Issuer)
	m := map[string][]string{"sts:RoleSessionName": {roleSession}}
	for _, key := range claimKeys() {
		if values := texts(t.custom[key.claim]); values != nil && key.issuer.MatchString(host) {
			m[host+":"+key.claim] = values
		}
	}
	m[host+":sub"], m[host+":aud"] = []string{t.Subject}, []string{t.audience()}
	if amr := texts(t.custom["amr"]); amr != nil {
		m[host+":amr"] = amr
	}
	if t.AuthorizedParty != "" {
		m[host+":azp"] = []string{t.AuthorizedParty}
		m[host+":oaud"] = t.Audience
	}
	return m
}

// texts are the strings of a claim: itself, or its members.
func texts(claim any) []string {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, member := range v {
			if s, ok := member.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

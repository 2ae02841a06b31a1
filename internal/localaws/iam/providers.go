package iam

import (
	"context"
	"database/sql"
	"net/url"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Provider is an OpenID Connect provider whose tokens an account trusts.
type Provider struct {
	ARN       string
	Account   string
	URL       string // the issuer, with https://
	ClientIDs []string

	thumbprints []string
	created     int64
}

const providerColumns = `arn, account, url, clients, thumbprints, created`

func scanProvider(rows *sql.Rows) (*Provider, error) {
	var p Provider
	var clients, thumbprints string
	if err := rows.Scan(&p.ARN, &p.Account, &p.URL, &clients, &thumbprints, &p.created); err != nil {
		return nil, err
	}
	if err := fromJSON(clients, &p.ClientIDs); err != nil {
		return nil, err
	}
	return &p, fromJSON(thumbprints, &p.thumbprints)
}

// Provider gives the provider of an issuer in an account, or nil when the account trusts none.
func (s *Service) Provider(ctx context.Context, account, issuer string) (*Provider, error) {
	return findProvider(ctx, s.db, account, providerARN(account, issuer))
}

func findProvider(ctx context.Context, q querier, account, arn string) (*Provider, error) {
	list, err := many(ctx, q, scanProvider, `SELECT `+providerColumns+` FROM iam_providers WHERE account = ? AND arn = ?`, account, arn)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

func mustProvider(ctx context.Context, q querier, account, arn string) (*Provider, error) {
	p, err := findProvider(ctx, q, account, arn)
	if err == nil && p == nil {
		err = noSuchEntity("OpenIDConnect Provider not found for arn %s", arn)
	}
	return p, err
}

// providerARN names the provider of an issuer: the URL without its scheme.
func providerARN(account, issuer string) string {
	return "arn:aws:iam::" + account + ":oidc-provider/" + strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/")
}

func insertProvider(ctx context.Context, q querier, p *Provider) error {
	clients, err := toJSON(p.ClientIDs)
	if err != nil {
		return err
	}
	thumbprints, err := toJSON(p.thumbprints)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT OR REPLACE INTO iam_providers (`+providerColumns+`) VALUES (?, ?, ?, ?, ?, ?)`,
		p.ARN, p.Account, p.URL, clients, thumbprints, p.created)
	return err
}

// The wire structures of providers.
type (
	createProviderIn struct {
		Url                          string
		ClientIDList, ThumbprintList []string
	}
	providerIn struct {
		OpenIDConnectProviderArn string
	}
	providerOut struct {
		Url                          string
		ClientIDList, ThumbprintList []string
		CreateDate                   gateway.Time
	}
	providerEntry    struct{ Arn string }
	listProvidersOut struct{ OpenIDConnectProviderList []providerEntry }
)

func (s *Service) providerOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateOpenIDConnectProvider", createProviderAccess, s.createProvider),
		gateway.Op("GetOpenIDConnectProvider", onProvider, s.getProvider),
		gateway.Op("ListOpenIDConnectProviders", func(_ context.Context, c *gateway.Call, _ *empty) ([]gateway.Access, error) {
			return []gateway.Access{{Resource: "arn:aws:iam::" + c.Caller.Account + ":oidc-provider/"}}, nil
		}, s.listProviders),
		gateway.Op("DeleteOpenIDConnectProvider", onProvider, s.deleteProvider),
	}
}

func onProvider(_ context.Context, _ *gateway.Call, in *providerIn) ([]gateway.Access, error) {
	if !strings.HasPrefix(in.OpenIDConnectProviderArn, "arn:aws:iam::") {
		return nil, invalid("Invalid ARN:  Could not be parsed!")
	}
	return []gateway.Access{{Resource: in.OpenIDConnectProviderArn}}, nil
}

func createProviderAccess(_ context.Context, c *gateway.Call, in *createProviderIn) ([]gateway.Access, error) {
	u, err := url.Parse(in.Url)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || len(in.Url) > 255 {
		return nil, invalid("Invalid Open ID Connect Provider URL")
	}
	return []gateway.Access{{Resource: providerARN(c.Caller.Account, in.Url)}}, nil
}

func (s *Service) createProvider(ctx context.Context, c *gateway.Call, in *createProviderIn) (*providerIn, error) {
	p := &Provider{
		ARN: providerARN(c.Caller.Account, in.Url), Account: c.Caller.Account, URL: in.Url,
		ClientIDs: in.ClientIDList, thumbprints: in.ThumbprintList, created: s.now().Unix(),
	}
	return &providerIn{p.ARN}, s.write(ctx, func(q querier) error {
		old, err := findProvider(ctx, q, p.Account, p.ARN)
		if err != nil || old != nil {
			return orElse(err, alreadyExists("Provider with url %s already exists.", in.Url))
		}
		return insertProvider(ctx, q, p)
	})
}

func (s *Service) getProvider(ctx context.Context, c *gateway.Call, in *providerIn) (*providerOut, error) {
	p, err := mustProvider(ctx, s.db, c.Caller.Account, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &providerOut{strings.TrimPrefix(p.URL, "https://"), p.ClientIDs, p.thumbprints, at(p.created)}, nil
}

func (s *Service) listProviders(ctx context.Context, c *gateway.Call, _ *empty) (*listProvidersOut, error) {
	arns, err := many(ctx, s.db, scanText, `SELECT arn FROM iam_providers WHERE account = ? ORDER BY arn`, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	out := &listProvidersOut{OpenIDConnectProviderList: []providerEntry{}}
	for _, a := range arns {
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, providerEntry{a})
	}
	return out, nil
}

// deleteProvider does not fail when there is no such provider, as in AWS.
func (s *Service) deleteProvider(ctx context.Context, c *gateway.Call, in *providerIn) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		_, err := exec(ctx, q, `DELETE FROM iam_providers WHERE account = ? AND arn = ?`, c.Caller.Account, in.OpenIDConnectProviderArn)
		return err
	})
}

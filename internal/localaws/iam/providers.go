package iam

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"regexp"
	"slices"
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
	tags        []Tag
	created     int64
}

const providerColumns = `arn, account, url, clients, thumbprints, created, tags`

func scanProvider(rows *sql.Rows) (*Provider, error) {
	var p Provider
	var clients, thumbprints string
	if err := scanTags(rows, &p.tags, &p.ARN, &p.Account, &p.URL, &clients, &thumbprints, &p.created); err != nil {
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
	tags, err := toJSON(p.tags)
	if err != nil {
		return err
	}
	_, err = exec(ctx, q, `INSERT OR REPLACE INTO iam_providers (`+providerColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		p.ARN, p.Account, p.URL, clients, thumbprints, p.created, tags)
	return err
}

// The wire structures of providers.
type (
	createProviderIn struct {
		Url                          string
		ClientIDList, ThumbprintList []string
		Tags                         []Tag
	}
	createProviderOut struct {
		OpenIDConnectProviderArn string
		Tags                     []Tag `xml:",omitempty"`
	}
	providerIn struct {
		OpenIDConnectProviderArn string
	}
	clientIn      struct{ OpenIDConnectProviderArn, ClientID string }
	thumbprintsIn struct {
		OpenIDConnectProviderArn string
		ThumbprintList           []string
	}
	providerOut struct {
		Url                          string
		ClientIDList, ThumbprintList []string
		CreateDate                   gateway.Time
		Tags                         []Tag `xml:",omitempty"`
	}
	providerEntry    struct{ Arn string }
	listProvidersOut struct{ OpenIDConnectProviderList []providerEntry }
)

func (s *Service) providerOperations() []gateway.Operation {
	onClient := func(ctx context.Context, c *gateway.Call, in *clientIn) ([]gateway.Access, error) {
		return s.onProvider(ctx, c, &providerIn{in.OpenIDConnectProviderArn})
	}
	return []gateway.Operation{
		gateway.Op("CreateOpenIDConnectProvider", createProviderAccess, s.createProvider).
			Except("thumbprints are kept and not used, as AWS does for issuers whose certificates it trusts"),
		gateway.Op("GetOpenIDConnectProvider", s.onProvider, s.getProvider),
		gateway.Op("ListOpenIDConnectProviders", func(_ context.Context, c *gateway.Call, _ *empty) ([]gateway.Access, error) {
			return []gateway.Access{{Resource: "arn:aws:iam::" + c.Caller.Account + ":oidc-provider/"}}, nil
		}, s.listProviders),
		gateway.Op("DeleteOpenIDConnectProvider", s.onProvider, s.deleteProvider),
		gateway.Op("AddClientIDToOpenIDConnectProvider", onClient, s.addClient),
		gateway.Op("RemoveClientIDFromOpenIDConnectProvider", onClient, s.removeClient),
		gateway.Op("UpdateOpenIDConnectProviderThumbprint", func(ctx context.Context, c *gateway.Call, in *thumbprintsIn) ([]gateway.Access, error) {
			return s.onProvider(ctx, c, &providerIn{in.OpenIDConnectProviderArn})
		}, s.updateThumbprints),
	}
}

func (s *Service) onProvider(ctx context.Context, c *gateway.Call, in *providerIn) ([]gateway.Access, error) {
	a, err := s.providerAccess(ctx, c, in.OpenIDConnectProviderArn)
	return []gateway.Access{a}, err
}

func (s *Service) providerAccess(ctx context.Context, c *gateway.Call, arn string) (gateway.Access, error) {
	if !strings.HasPrefix(arn, "arn:aws:iam::") || !strings.Contains(arn, ":oidc-provider/") {
		return gateway.Access{}, invalidInput("ARN %s is not valid.", arn)
	}
	p, err := findProvider(ctx, s.db, c.Caller.Account, arn)
	if err != nil || p == nil {
		return gateway.Access{Resource: arn}, err
	}
	return gateway.Access{Resource: arn, Context: resourceTags("", p.tags)}, nil
}

func createProviderAccess(_ context.Context, c *gateway.Call, in *createProviderIn) ([]gateway.Access, error) {
	u, err := url.Parse(in.Url)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || len(in.Url) > 255 {
		return nil, invalid("Invalid Open ID Connect Provider URL")
	}
	if err := errors.Join(checkClients(in.ClientIDList), checkThumbprints(in.ThumbprintList)); err != nil {
		return nil, err
	}
	return newEntity(providerARN(c.Caller.Account, in.Url), "", "iam:TagOpenIDConnectProvider", in.Tags)
}

func (s *Service) createProvider(ctx context.Context, c *gateway.Call, in *createProviderIn) (*createProviderOut, error) {
	p := &Provider{
		ARN: providerARN(c.Caller.Account, in.Url), Account: c.Caller.Account, URL: in.Url,
		ClientIDs: in.ClientIDList, thumbprints: in.ThumbprintList, tags: in.Tags, created: s.now().Unix(),
	}
	return &createProviderOut{p.ARN, p.tags}, s.write(ctx, func(q querier) error {
		old, err := findProvider(ctx, q, p.Account, p.ARN)
		if err != nil || old != nil {
			return orElse(err, alreadyExists("Provider with url %s already exists.", in.Url))
		}
		if err := within(ctx, q, "iam_providers", "OpenIdConnectProvidersPerAccount", p.Account, maxProviders); err != nil {
			return err
		}
		return insertProvider(ctx, q, p)
	})
}

func (s *Service) getProvider(ctx context.Context, c *gateway.Call, in *providerIn) (*providerOut, error) {
	p, err := mustProvider(ctx, s.db, c.Caller.Account, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	return &providerOut{strings.TrimPrefix(p.URL, "https://"), p.ClientIDs, p.thumbprints, at(p.created), p.tags}, nil
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

var thumbprintPattern = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

func checkThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return invalidInput("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	for _, t := range list {
		if !thumbprintPattern.MatchString(t) {
			return invalid("1 validation error detected: Value at 'thumbprintList' failed to satisfy constraint: Member must have length 40")
		}
	}
	return nil
}

func checkClients(list []string) error {
	if len(list) > maxClients {
		return limitExceeded("ClientIdsPerOpenIdConnectProvider", maxClients)
	}
	for _, id := range list {
		if id == "" || len(id) > 255 {
			return invalid("1 validation error detected: Value at 'clientID' failed to satisfy constraint: Member must have length between 1 and 255")
		}
	}
	return nil
}

// changeProvider stores what change makes of a provider.
func (s *Service) changeProvider(ctx context.Context, account, arn string, change func(*Provider) error) (*empty, error) {
	return &empty{}, s.write(ctx, func(q querier) error {
		p, err := mustProvider(ctx, q, account, arn)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return insertProvider(ctx, q, p)
	})
}

// addClient does nothing when the client is there, as in AWS.
func (s *Service) addClient(ctx context.Context, c *gateway.Call, in *clientIn) (*empty, error) {
	return s.changeProvider(ctx, c.Caller.Account, in.OpenIDConnectProviderArn, func(p *Provider) error {
		if !slices.Contains(p.ClientIDs, in.ClientID) {
			p.ClientIDs = append(p.ClientIDs, in.ClientID)
		}
		return checkClients(p.ClientIDs)
	})
}

// removeClient does nothing when the client is not there, as in AWS.
func (s *Service) removeClient(ctx context.Context, c *gateway.Call, in *clientIn) (*empty, error) {
	return s.changeProvider(ctx, c.Caller.Account, in.OpenIDConnectProviderArn, func(p *Provider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
}

func (s *Service) updateThumbprints(ctx context.Context, c *gateway.Call, in *thumbprintsIn) (*empty, error) {
	return s.changeProvider(ctx, c.Caller.Account, in.OpenIDConnectProviderArn, func(p *Provider) error {
		p.thumbprints = in.ThumbprintList
		return checkThumbprints(in.ThumbprintList)
	})
}

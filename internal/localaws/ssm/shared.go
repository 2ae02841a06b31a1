package ssm

import (
	"context"
	"database/sql"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// everybody is the account id of a document that is shared publicly, as it is stored and shown.
const everybody = "all"

// sharing says with whom a document is shared, and which of its versions.
type sharing struct {
	account string // or everybody
	version string // $DEFAULT, $LATEST or $ALL
}

func scanShare(r *sql.Rows) (sharing, error) {
	var s sharing
	return s, r.Scan(&s.account, &s.version)
}

// sharesWith lists how a document is shared with an account: privately, publicly, or both.
func sharesWith(ctx context.Context, q querier, owner, region, name, account string) ([]sharing, error) {
	rows, err := q.QueryContext(ctx, `SELECT shared_with, version FROM ssm_document_share
		WHERE account = ? AND region = ? AND name = ? AND shared_with IN (?, ?)`, owner, region, name, account, everybody)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanShare)
}

// findShared is [find] for another account's document: exactly what was shared is there.
func findShared(ctx context.Context, q querier, c *gateway.Call, owner, name string, which selector) (stored, error) {
	ref := documentARN(owner, c.Region, name)
	shares, err := sharesWith(ctx, q, owner, c.Region, name, c.Caller.Account)
	if err != nil {
		return stored{}, err
	}
	if len(shares) == 0 {
		return stored{}, noDocument(ref)
	}
	// uncertain: what a caller gets who names no version where only $LATEST is shared; here it is that.
	if which == (selector{}) && !slices.ContainsFunc(shares, func(s sharing) bool { return s.version != "$LATEST" }) {
		which.version = "$LATEST"
	}
	d, err := findOwned(ctx, q, owner, c.Region, name, which)
	if err != nil {
		return stored{}, err
	}
	if !slices.ContainsFunc(shares, func(s sharing) bool { return s.covers(d) }) {
		return stored{}, noVersion(ref)
	}
	return d.seenFromOutside(c.Region), nil
}

// covers says whether this version of the document is shared.
func (s sharing) covers(d stored) bool {
	switch s.version {
	case "$ALL":
		return true
	case "$LATEST":
		return d.version == d.latestVersion
	default:
		return d.version == d.defaultVersion
	}
}

// seenFromOutside is a document as another account sees it: by its ARN, and without the owner's tags.
func (d stored) seenFromOutside(region string) stored {
	d.ref, d.tags = documentARN(d.owner, region, d.name), nil
	return d
}

// sharedDocuments lists what other accounts share with the caller, each in the version that it would get by default.
// publicly chooses between what everybody may use and what the caller was named for.
func (s *Service) sharedDocuments(ctx context.Context, c *gateway.Call, publicly bool) ([]stored, error) {
	with := c.Caller.Account
	if publicly {
		with = everybody
	}
	all, err := s.storedList(ctx, `JOIN ssm_document_share s USING (account, region, name)
		WHERE s.shared_with = ? AND d.region = ? AND d.account <> ?
		AND v.version = CASE s.version WHEN '$LATEST' THEN d.latest_version ELSE d.default_version END`,
		with, c.Region, c.Caller.Account)
	if err != nil {
		return nil, err
	}
	for i, d := range all {
		all[i] = d.seenFromOutside(c.Region)
	}
	return all, nil
}

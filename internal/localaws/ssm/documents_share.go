package ssm

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The quotas of sharing (Systems Manager, "DocumentPermissionLimit").
const (
	maxPrivateShares   = 1000 // accounts that a document is shared with
	maxPublicDocuments = 5    // of an account in a region
)

type modifyPermissionInput struct {
	Name, PermissionType                string
	AccountIdsToAdd, AccountIdsToRemove []string
	SharedDocumentVersion               string
}

func (in *modifyPermissionInput) validate() error {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.required("permissionType", in.PermissionType)
	v.accounts("accountIdsToAdd", in.AccountIdsToAdd)
	v.accounts("accountIdsToRemove", in.AccountIdsToRemove)
	v.length("sharedDocumentVersion", in.SharedDocumentVersion, 0, 8)
	v.matches("sharedDocumentVersion", in.SharedDocumentVersion, sharedVersion)
	if err := v.err(); err != nil {
		return err
	}
	if len(in.AccountIdsToAdd)+len(in.AccountIdsToRemove) == 0 {
		return invalid("Specify AccountIdsToAdd or AccountIdsToRemove.")
	}
	return checkPermissionType(in.PermissionType)
}

func checkPermissionType(text string) error {
	if text != "Share" {
		return fault("InvalidPermissionType", "The permission type %s isn't supported. Share is the only supported permission type.", text)
	}
	return nil
}

var (
	accountOrAll  = newPattern(`(?i)all|[0-9]{12}`)
	sharedVersion = newPattern(`([$]LATEST|[$]DEFAULT|[$]ALL)`)
)

// accounts checks a list of at most 20 account ids.
func (v *validation) accounts(path string, ids []string) {
	v.count(path, ids, 0, 20)
	for i, id := range ids {
		if id != "" && (len(id) == 12 || len(id) == 3) {
			v.matches(path+"."+strconv.Itoa(i+1)+".member", id, accountOrAll)
			continue
		}
		v.add(id, path+"."+strconv.Itoa(i+1)+".member", "Member must satisfy regular expression pattern: "+accountOrAll.text)
	}
}

func (s *Service) modifyPermissionAccess(ctx context.Context, c *gateway.Call, in *modifyPermissionInput) ([]gateway.Access, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

// modifyDocumentPermission shares a document, or ends that. Who is both added and removed is removed.
func (s *Service) modifyDocumentPermission(ctx context.Context, c *gateway.Call, in *modifyPermissionInput) (*struct{}, error) {
	version := cmp.Or(in.SharedDocumentVersion, "$DEFAULT")
	err := s.update(ctx, func(w *work) error {
		exists, err := documentExists(ctx, w, c.Caller.Account, c.Region, in.Name)
		if err != nil {
			return err
		}
		if !exists {
			return noDocument(in.Name)
		}
		for _, id := range in.AccountIdsToAdd {
			if err := w.share(ctx, c, in.Name, sharing{strings.ToLower(id), version}); err != nil {
				return err
			}
		}
		for _, id := range in.AccountIdsToRemove {
			if _, err := w.ExecContext(ctx, `DELETE FROM ssm_document_share WHERE account = ? AND region = ? AND name = ?
				AND shared_with = ?`, c.Caller.Account, c.Region, in.Name, strings.ToLower(id)); err != nil {
				return err
			}
		}
		return w.checkShares(ctx, c, in.Name)
	})
	return &struct{}{}, err
}

func (w *work) share(ctx context.Context, c *gateway.Call, name string, s sharing) error {
	if s.account == c.Caller.Account {
		return invalid("A document can't be shared with the account that owns it.") // uncertain: AWS's words
	}
	_, err := w.ExecContext(ctx, `INSERT INTO ssm_document_share (account, region, name, shared_with, version)
		VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET version = excluded.version`,
		c.Caller.Account, c.Region, name, s.account, s.version)
	return err
}

// checkShares applies the quotas to what the transaction has made.
func (w *work) checkShares(ctx context.Context, c *gateway.Call, name string) error {
	var private, public int
	err := w.QueryRowContext(ctx, `SELECT coalesce(sum(name = ? AND shared_with <> ?), 0), coalesce(sum(shared_with = ?), 0)
		FROM ssm_document_share WHERE account = ? AND region = ?`, name, everybody, everybody,
		c.Caller.Account, c.Region).Scan(&private, &public)
	switch {
	case err != nil:
		return err
	case private > maxPrivateShares:
		return fault("DocumentPermissionLimit", "The document can't be shared with more than %d accounts.", maxPrivateShares)
	case public > maxPublicDocuments:
		return fault("DocumentPermissionLimit", "At most %d documents can be shared publicly.", maxPublicDocuments)
	}
	return nil
}

type describePermissionInput struct {
	Name, PermissionType string
	MaxResults           *int
	NextToken            string
}

type describePermissionOutput struct {
	AccountIds             []string
	AccountSharingInfoList []sharingInfo
	NextToken              string `json:",omitempty"`
}

type sharingInfo struct{ AccountId, SharedDocumentVersion string }

func (s *Service) describePermissionAccess(ctx context.Context, c *gateway.Call, in *describePermissionInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("name", in.Name)
	v.matches("name", in.Name, documentName)
	v.required("permissionType", in.PermissionType)
	v.between("maxResults", in.MaxResults, 1, 200)
	if err := cmp.Or(v.err(), checkPermissionType(in.PermissionType)); err != nil {
		return nil, err
	}
	return s.documentAccess(ctx, c, in.Name)
}

// describeDocumentPermission is for the owner alone: to others the document is not there.
func (s *Service) describeDocumentPermission(ctx context.Context, c *gateway.Call, in *describePermissionInput) (*describePermissionOutput, error) {
	after, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	exists, err := documentExists(ctx, s.db, c.Caller.Account, c.Region, in.Name)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, noDocument(in.Name)
	}
	limit := limitOr(in.MaxResults, 200)
	rows, err := s.db.QueryContext(ctx, `SELECT shared_with, version FROM ssm_document_share WHERE account = ? AND region = ?
		AND name = ? AND shared_with > ? ORDER BY shared_with LIMIT ?`, c.Caller.Account, c.Region, in.Name, after, limit+1)
	if err != nil {
		return nil, err
	}
	shares, err := collect(rows, scanShare)
	if err != nil {
		return nil, err
	}
	out := &describePermissionOutput{AccountIds: []string{}, AccountSharingInfoList: []sharingInfo{}}
	if len(shares) > limit {
		shares = slices.Delete(shares, limit, len(shares))
		out.NextToken = pageToken(shares[limit-1].account)
	}
	for _, one := range shares {
		out.AccountIds = append(out.AccountIds, one.account)
		out.AccountSharingInfoList = append(out.AccountSharingInfoList, sharingInfo{one.account, one.version})
	}
	return out, nil
}

package iam

import (
	"context"
	"database/sql"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Keys is an access key of a user.
type Keys struct{ AccessKeyID, SecretAccessKey string }

// key is an access key as it is stored.
type key struct {
	id, account, user, secret string
	active                    bool
	created                   int64
}

const keyColumns = `id, account, user, secret, active, created`

func scanKey(rows *sql.Rows) (*key, error) {
	var k key
	err := rows.Scan(&k.id, &k.account, &k.user, &k.secret, &k.active, &k.created)
	return &k, err
}

func (s *Service) insertKey(ctx context.Context, q querier, account, user string) (*key, error) {
	id, err := s.newID("AKIA", 20)
	if err != nil {
		return nil, err
	}
	secret, err := s.newSecret(30)
	if err != nil {
		return nil, err
	}
	k := &key{id: id, account: account, user: user, secret: secret, active: true, created: s.now().Unix()}
	_, err = exec(ctx, q, `INSERT INTO iam_keys (`+keyColumns+`) VALUES (?, ?, ?, ?, ?, ?)`, k.id, k.account, k.user, k.secret, k.active, k.created)
	return k, err
}

// The wire structures of access keys.
type (
	keyIn struct{ UserName, AccessKeyId, Status string }

	keyShape struct {
		UserName, AccessKeyId, Status string
		SecretAccessKey               string `xml:",omitempty"`
		CreateDate                    gateway.Time
	}
	keyOut      struct{ AccessKey keyShape }
	listKeysOut struct {
		AccessKeyMetadata []keyShape
		listed
	}
	listKeysIn struct {
		UserName string
		paging
	}
)

func (k *key) shape() keyShape {
	status := "Inactive"
	if k.active {
		status = "Active"
	}
	return keyShape{UserName: k.user, AccessKeyId: k.id, Status: status, CreateDate: at(k.created)}
}

func (s *Service) keyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateAccessKey", s.onSelf, s.createKey),
		gateway.Op("ListAccessKeys", s.onKeys, s.listKeys),
		gateway.Op("DeleteAccessKey", s.onKey, s.deleteKey),
		gateway.Op("UpdateAccessKey", s.onKey, s.updateKey),
	}
}

func (s *Service) onKey(ctx context.Context, c *gateway.Call, in *keyIn) ([]gateway.Access, error) {
	self := &userNameIn{in.UserName}
	needs, err := s.onSelf(ctx, c, self)
	in.UserName = self.UserName
	return needs, err
}

func (s *Service) onKeys(ctx context.Context, c *gateway.Call, in *listKeysIn) ([]gateway.Access, error) {
	self := &userNameIn{in.UserName}
	needs, err := s.onSelf(ctx, c, self)
	in.UserName = self.UserName
	return needs, err
}

func (s *Service) createKey(ctx context.Context, c *gateway.Call, in *userNameIn) (*keyOut, error) {
	var out keyOut
	err := s.write(ctx, func(q querier) error {
		if _, err := mustUser(ctx, q, c.Caller.Account, in.UserName); err != nil {
			return err
		}
		n, err := count(ctx, q, `SELECT count(*) FROM iam_keys WHERE account = ? AND user = ?`, c.Caller.Account, in.UserName)
		if err != nil || n >= maxKeys {
			return orElse(err, limitExceeded("AccessKeysPerUser", maxKeys))
		}
		k, err := s.insertKey(ctx, q, c.Caller.Account, in.UserName)
		if err != nil {
			return err
		}
		out.AccessKey = k.shape()
		out.AccessKey.SecretAccessKey = k.secret
		return nil
	})
	return &out, err
}

func (s *Service) listKeys(ctx context.Context, c *gateway.Call, in *listKeysIn) (*listKeysOut, error) {
	if _, err := mustUser(ctx, s.db, c.Caller.Account, in.UserName); err != nil {
		return nil, err
	}
	keys, err := many(ctx, s.db, scanKey, `SELECT `+keyColumns+` FROM iam_keys WHERE account = ? AND user = ? ORDER BY id`, c.Caller.Account, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &listKeysOut{AccessKeyMetadata: []keyShape{}}
	for _, k := range keys {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, k.shape())
	}
	out.AccessKeyMetadata, out.listed, err = page(in.paging, out.AccessKeyMetadata, func(k keyShape) string { return k.AccessKeyId })
	return out, err
}

func (s *Service) deleteKey(ctx context.Context, c *gateway.Call, in *keyIn) (*empty, error) {
	return &empty{}, s.changeKey(ctx, c, in, `DELETE FROM iam_keys WHERE account = ? AND user = ? AND id = ?`)
}

func (s *Service) updateKey(ctx context.Context, c *gateway.Call, in *keyIn) (*empty, error) {
	query := map[string]string{
		"Active":   `UPDATE iam_keys SET active = 1 WHERE account = ? AND user = ? AND id = ?`,
		"Inactive": `UPDATE iam_keys SET active = 0 WHERE account = ? AND user = ? AND id = ?`,
	}[in.Status]
	if query == "" {
		return nil, invalid("1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]")
	}
	return &empty{}, s.changeKey(ctx, c, in, query)
}

func (s *Service) changeKey(ctx context.Context, c *gateway.Call, in *keyIn, query string) error {
	return s.write(ctx, func(q querier) error {
		n, err := exec(ctx, q, query, c.Caller.Account, in.UserName, in.AccessKeyId)
		if err == nil && n == 0 {
			err = noSuchEntity("The Access Key with id %s cannot be found.", in.AccessKeyId)
		}
		return err
	})
}

package iam

import (
	"context"
	"database/sql"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// EventLog is what IAM reads to find out who used what, and when. The gateway's log implements it.
type EventLog interface {
	List(ctx context.Context, f gateway.Filter) ([]gateway.Event, error)
}

// SetEvents tells where calls are recorded. Without it nobody has ever used anything.
func (s *Service) SetEvents(log EventLog) { s.events = log }

// use is the last time at which an entity, or one of its access keys, called a service.
type use struct {
	account, entity, key, service string // the entity by its id: another one of the same name is another
	region                        string
	milli                         int64
}

const useColumns = `account, entity, key, service, region, milli`

func scanUse(rows *sql.Rows) (u use, err error) {
	err = rows.Scan(&u.account, &u.entity, &u.key, &u.service, &u.region, &u.milli)
	return u, err
}

// foldEvents takes what was recorded since the last time into the table of uses, so that nothing is counted where it
// happens: most calls are made by nodes and never asked about.
func (s *Service) foldEvents(ctx context.Context) error {
	if s.events == nil {
		return nil
	}
	s.foldMu.Lock()
	defer s.foldMu.Unlock()
	var mark int64
	if _, err := one(ctx, s.db, `SELECT seq FROM iam_used_mark`, nil, []any{&mark}); err != nil {
		return err
	}
	last, uses := mark, map[use]use{}
	_, err := s.events.List(ctx, gateway.Filter{After: mark, Match: func(e *gateway.Event) bool {
		last = max(last, e.Seq)
		if u, ok := useOf(e); ok {
			key := use{account: u.account, entity: u.entity, key: u.key, service: u.service}
			if old, ok := uses[key]; !ok || old.milli <= u.milli {
				uses[key] = u
			}
		}
		return false // only looked at: the log may be long
	}})
	if err != nil || last == mark {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		for _, u := range uses {
			_, err := exec(ctx, tx, `INSERT INTO iam_used (`+useColumns+`) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, entity, key, service)
				DO UPDATE SET region = excluded.region, milli = excluded.milli WHERE excluded.milli >= milli`,
				u.account, u.entity, u.key, u.service, u.region, u.milli)
			if err != nil {
				return err
			}
		}
		_, err := exec(ctx, tx, `INSERT OR REPLACE INTO iam_used_mark (one, seq) VALUES (1, ?)`, last)
		return err
	})
}

// useOf says what a call was: "all attempts to access an AWS API, not just the successful ones", by a user or a role. The
// keys of sessions come and go, and are nobody's.
func useOf(e *gateway.Event) (use, bool) {
	u := use{account: e.UserIdentity.AccountID, service: strings.TrimSuffix(e.EventSource, ".amazonaws.com"), region: e.AWSRegion, milli: e.EventTime.UnixMilli()}
	switch {
	case e.EventType != "AwsApiCall" || u.service == "":
		return use{}, false
	case e.UserIdentity.Type == "IAMUser":
		u.entity, u.key = e.UserIdentity.PrincipalID, e.UserIdentity.AccessKeyID
	case e.UserIdentity.Type == "AssumedRole" && e.UserIdentity.SessionContext != nil:
		u.entity = e.UserIdentity.SessionContext.SessionIssuer.PrincipalID
	}
	return u, u.entity != ""
}

// usesOf gives the last use of each service by an entity.
func (s *Service) usesOf(ctx context.Context, account, entity string) (map[string]use, error) {
	list, err := many(ctx, s.db, scanUse, `SELECT `+useColumns+` FROM iam_used WHERE account = ? AND entity = ? ORDER BY milli`, account, entity)
	if err != nil {
		return nil, err
	}
	last := map[string]use{}
	for _, u := range list {
		last[u.service] = u
	}
	return last, nil
}

// The wire structures of the last use of an access key.
type (
	keyUseIn    struct{ AccessKeyId string }
	keyUseShape struct {
		LastUsedDate        *gateway.Time
		ServiceName, Region string
	}
	keyUseOut struct {
		UserName          string
		AccessKeyLastUsed keyUseShape
	}
)

// onKeyUse demands the action on the user whose key it is. Of another account's key, or one that is not there, nothing is
// told, as AWS does.
func (s *Service) onKeyUse(ctx context.Context, c *gateway.Call, in *keyUseIn) ([]gateway.Access, error) {
	k, err := findKey(ctx, s.db, c.Caller.Account, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return nil, failure(403, "AccessDenied", "User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key %s", c.Caller.ARN, in.AccessKeyId)
	}
	return s.onUser(ctx, c, &userNameIn{k.user})
}

func findKey(ctx context.Context, q querier, account, id string) (*key, error) {
	keys, err := many(ctx, q, scanKey, `SELECT `+keyColumns+` FROM iam_keys WHERE account = ? AND id = ?`, account, id)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return keys[0], nil
}

func (s *Service) getKeyUse(ctx context.Context, c *gateway.Call, in *keyUseIn) (*keyUseOut, error) {
	k, err := findKey(ctx, s.db, c.Caller.Account, in.AccessKeyId)
	if err != nil || k == nil {
		return nil, orElse(err, noSuchEntity("The Access Key with id %s cannot be found.", in.AccessKeyId))
	}
	if err := s.foldEvents(ctx); err != nil {
		return nil, err
	}
	uses, err := many(ctx, s.db, scanUse, `SELECT `+useColumns+` FROM iam_used WHERE account = ? AND key = ? ORDER BY milli DESC LIMIT 1`, k.account, k.id)
	if err != nil {
		return nil, err
	}
	out := &keyUseOut{k.user, keyUseShape{ServiceName: "N/A", Region: "N/A"}}
	if len(uses) > 0 {
		when := at(uses[0].milli / 1000)
		out.AccessKeyLastUsed = keyUseShape{&when, uses[0].service, uses[0].region}
	}
	return out, nil
}

// roleUse is the RoleLastUsed of a role.
type roleUse struct {
	LastUsedDate *gateway.Time
	Region       string `xml:",omitempty"`
}

func (s *Service) roleUse(ctx context.Context, r *Role) (*roleUse, error) {
	err := s.foldEvents(ctx)
	if err != nil {
		return nil, err
	}
	uses, err := many(ctx, s.db, scanUse, `SELECT `+useColumns+` FROM iam_used WHERE account = ? AND entity = ? ORDER BY milli DESC LIMIT 1`, r.Account, r.ID)
	if err != nil || len(uses) == 0 {
		return &roleUse{}, err
	}
	when := at(uses[0].milli / 1000)
	return &roleUse{&when, uses[0].region}, nil
}

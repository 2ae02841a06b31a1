package organizations

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	maxAccounts = 10
	defaultRole = "OrganizationAccountAccessRole"
)

var (
	emailPattern = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)
	rolePattern  = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
)

// The wire structures of accounts.
type (
	accountShape struct {
		Id, Arn, Email, Name, Status, State string
		Paths                               []string
		JoinedMethod                        string
		JoinedTimestamp                     gateway.Time
	}
	accountOut      struct{ Account accountShape }
	accountIn       struct{ AccountId string }
	listAccountsOut struct {
		Accounts []accountShape
		listed
	}
	moveIn struct{ AccountId, SourceParentId, DestinationParentId string }

	createAccountIn struct {
		Email, AccountName, RoleName, IamUserAccessToBilling string
		Tags                                                 []tag
	}
	statusShape struct {
		Id, AccountName, State                 string
		RequestedTimestamp, CompletedTimestamp gateway.Time
		AccountId                              string `json:",omitempty"`
		FailureReason                          string `json:",omitempty"`
	}
	statusOut struct{ CreateAccountStatus statusShape }
	requestIn struct{ CreateAccountRequestId string }
	statesIn  struct {
		States []string
		paging
	}
	statusesOut struct {
		CreateAccountStatuses []statusShape
		listed
	}
)

func (o *organization) accountShape(m *member) accountShape {
	return accountShape{
		Id: m.id, Arn: o.targetARN(m.id), Email: m.email, Name: m.name, Status: "ACTIVE", State: "ACTIVE",
		Paths: []string{o.path(m.id)}, JoinedMethod: m.method, JoinedTimestamp: at(m.joined),
	}
}

// at is a time that is kept in milliseconds.
func at(milli int64) gateway.Time { return gateway.Time{Time: time.UnixMilli(milli).UTC()} }

func (s *Service) accountOperations() []gateway.Operation {
	onAccount := on(s, func(in *accountIn) []string { return []string{"AccountId", in.AccountId} })
	return []gateway.Operation{
		gateway.Op("ListAccounts", nothing[paging], func(ctx context.Context, c *gateway.Call, in *paging) (*listAccountsOut, error) {
			return s.listAccounts(ctx, c, &parentIn{paging: *in})
		}),
		gateway.Op("ListAccountsForParent", on(s, func(in *parentIn) []string { return []string{"ParentId", in.ParentId} }), s.listAccountsIn),
		gateway.Op("DescribeAccount", onAccount, s.describeAccount),
		gateway.Op("MoveAccount", on(s, func(in *moveIn) []string {
			return []string{"AccountId", in.AccountId, "ParentId", in.SourceParentId, "ParentId", in.DestinationParentId}
		}), s.moveAccount),
		gateway.Op("CreateAccount", withTags(nothing[createAccountIn], func(in *createAccountIn) []tag { return in.Tags }), s.createAccount).
			Except("the account is there at once", "IamUserAccessToBilling says nothing: there is no billing"),
		gateway.Op("DescribeCreateAccountStatus", nothing[requestIn], s.describeRequest),
		gateway.Op("ListCreateAccountStatus", nothing[statesIn], s.listRequests),
		gateway.Op("RemoveAccountFromOrganization", onAccount, func(ctx context.Context, c *gateway.Call, in *accountIn) (*empty, error) {
			return s.remove(ctx, in.AccountId, func(w *world) (*organization, error) { return w.managed(c) })
		}),
		gateway.Op("LeaveOrganization", nothing[empty], func(ctx context.Context, c *gateway.Call, _ *empty) (*empty, error) {
			return s.remove(ctx, c.Caller.Account, func(w *world) (*organization, error) {
				if o := w.byAccount[c.Caller.Account]; o != nil {
					return o, nil
				}
				return nil, notInUse()
			})
		}),
	}
}

func noAccount() error {
	return failure("AccountNotFoundException", "You specified an account that doesn't exist.")
}

func (s *Service) listAccountsIn(ctx context.Context, c *gateway.Call, in *parentIn) (*listAccountsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if !o.isParent(in.ParentId) {
		return nil, noParent()
	}
	return s.listAccounts(ctx, c, in)
}

func (s *Service) listAccounts(_ context.Context, c *gateway.Call, in *parentIn) (*listAccountsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	out := &listAccountsOut{Accounts: []accountShape{}}
	for _, m := range o.accountsIn(in.ParentId) {
		out.Accounts = append(out.Accounts, o.accountShape(m))
	}
	out.Accounts, out.listed, err = page(in.paging, out.Accounts, func(a accountShape) string { return a.Id })
	return out, err
}

func (s *Service) describeAccount(_ context.Context, c *gateway.Call, in *accountIn) (*accountOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	m := o.accounts[in.AccountId]
	if m == nil {
		return nil, noAccount()
	}
	return &accountOut{o.accountShape(m)}, nil
}

func (s *Service) moveAccount(ctx context.Context, c *gateway.Call, in *moveIn) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		m := o.accounts[in.AccountId]
		switch {
		case m == nil:
			return noAccount()
		case m.parent != in.SourceParentId:
			return failure("SourceParentNotFoundException", "We can't find a source root or OU with the ParentId that you specified.")
		case !o.isParent(in.DestinationParentId):
			return failure("DestinationParentNotFoundException", "We can't find the destination container (a root or OU) with the ParentId that you specified.")
		case in.SourceParentId == in.DestinationParentId:
			return failure("DuplicateAccountException", "That account is already present in the specified destination.")
		}
		return exec(ctx, tx, `UPDATE org_accounts SET parent = ? WHERE id = ?`, in.DestinationParentId, m.id)
	})
}

// remove takes an account out. One that was created cannot go: on AWS it has no means of payment of its own.
func (s *Service) remove(ctx context.Context, account string, find func(*world) (*organization, error)) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := find(w)
		if err != nil {
			return err
		}
		m := o.accounts[account]
		switch {
		case m == nil:
			return noAccount()
		case m.id == o.management:
			return failure("MasterCannotLeaveOrganizationException", "The management account can't leave its organization.")
		case m.method == "CREATED":
			return constraint("MEMBER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED", "the account was created in the organization and cannot leave it.")
		}
		if err := exec(ctx, tx, `DELETE FROM org_attachments WHERE org = ? AND target = ?`, o.id, m.id); err != nil {
			return err
		}
		if err := putTags(ctx, tx, o, m.id, nil); err != nil {
			return err
		}
		return exec(ctx, tx, `DELETE FROM org_accounts WHERE id = ?`, m.id)
	})
}

func (in *createAccountIn) check() error {
	switch {
	case !emailPattern.MatchString(in.Email) || len(in.Email) < 6 || len(in.Email) > 64:
		return invalid("INVALID_PATTERN: Email is not an address of 6 to 64 characters.")
	case in.AccountName == "" || len(in.AccountName) > 50:
		return invalid("MAX_LENGTH_EXCEEDED: AccountName has 1 to 50 characters.")
	case !rolePattern.MatchString(in.RoleName):
		return invalid("INVALID_PATTERN: RoleName is not the name of a role.")
	case !slices.Contains([]string{"", "ALLOW", "DENY"}, in.IamUserAccessToBilling):
		return invalid("INVALID_ENUM: IamUserAccessToBilling is ALLOW or DENY.")
	}
	return nil
}

// createAccount makes an account with its role, and takes it in. What is wrong with the address is told by the status.
func (s *Service) createAccount(ctx context.Context, c *gateway.Call, in *createAccountIn) (*statusOut, error) {
	if in.RoleName == "" {
		in.RoleName = defaultRole
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s.creating.Lock()
	defer s.creating.Unlock()
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	request, err := s.newID("car-", 32)
	if err != nil {
		return nil, err
	}
	reason, account := o.refuses(in), ""
	if reason == "" {
		if account, err = s.freeAccount(ctx); err != nil {
			return nil, err
		}
		if err := s.config.Accounts.Make(ctx, account, in.RoleName, o.management); err != nil {
			return nil, err
		}
	}
	err = s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if reason == "" {
			if err := s.join(ctx, tx, o, &member{id: account, name: in.AccountName, email: in.Email, method: "CREATED"}); err != nil {
				return err
			}
			if err := putTags(ctx, tx, o, account, in.Tags); err != nil {
				return err
			}
		}
		return exec(ctx, tx, `INSERT INTO org_requests (id, org, name, account, reason, time) VALUES (?, ?, ?, ?, ?, ?)`,
			request, o.id, in.AccountName, account, reason, s.config.Now().UnixMilli())
	})
	if err != nil {
		return nil, err
	}
	return s.describeRequest(ctx, c, &requestIn{request})
}

// refuses says why an account is not created; empty when it is.
func (o *organization) refuses(in *createAccountIn) string {
	if len(o.accounts) >= maxAccounts {
		return "ACCOUNT_LIMIT_EXCEEDED"
	}
	for _, m := range o.accounts {
		if m.email == in.Email {
			return "EMAIL_ALREADY_EXISTS"
		}
	}
	return ""
}

// freeAccount makes the number of an account that is not there yet.
func (s *Service) freeAccount(ctx context.Context) (string, error) {
	taken, err := s.config.Accounts.Accounts(ctx)
	if err != nil {
		return "", err
	}
	for {
		id, err := s.random("", 12, "0123456789")
		if err != nil || !slices.Contains(taken, id) {
			return id, err
		}
	}
}

const requestColumns = `SELECT id, name, account, reason, time FROM org_requests WHERE org = ? `

func scanRequest(row interface{ Scan(...any) error }) (statusShape, error) {
	var r statusShape
	var milli int64
	err := row.Scan(&r.Id, &r.AccountName, &r.AccountId, &r.FailureReason, &milli)
	r.RequestedTimestamp, r.CompletedTimestamp, r.State = at(milli), at(milli), "SUCCEEDED"
	if r.FailureReason != "" {
		r.State = "FAILED"
	}
	return r, err
}

func (s *Service) describeRequest(ctx context.Context, c *gateway.Call, in *requestIn) (*statusOut, error) {
	if err := checkID("CreateAccountRequestId", in.CreateAccountRequestId); err != nil {
		return nil, err
	}
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	r, err := scanRequest(s.db.QueryRowContext(ctx, requestColumns+`AND id = ?`, o.id, in.CreateAccountRequestId))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, failure("CreateAccountStatusNotFoundException", "We can't find a create account request with the CreateAccountRequestId that you specified.")
	}
	return &statusOut{r}, err
}

func (s *Service) listRequests(ctx context.Context, c *gateway.Call, in *statesIn) (*statusesOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, requestColumns+`ORDER BY id`, o.id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	out := &statusesOut{CreateAccountStatuses: []statusShape{}}
	for rows.Next() {
		r, err := scanRequest(rows)
		if err != nil {
			return nil, err
		}
		if len(in.States) == 0 || slices.Contains(in.States, r.State) {
			out.CreateAccountStatuses = append(out.CreateAccountStatuses, r)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	out.CreateAccountStatuses, out.listed, err = page(in.paging, out.CreateAccountStatuses, func(r statusShape) string { return r.Id })
	return out, err
}

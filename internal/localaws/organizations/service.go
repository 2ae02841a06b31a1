// Package organizations is the AWS Organizations of the local AWS: organizations of accounts, organizational units,
// and the service and resource control policies that are attached to them, which really limit.
//
// It serves the JSON API of 2016-11-28 and answers the gateway's question ([gateway.Organizations]: where is this
// account, and what lies on it). The state is in SQLite; all of it is kept in memory as an immutable world, which is
// read anew after every change, so that a decision costs a look-up. What a policy means is package iam's business.
package organizations

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Config is what the service needs from outside.
type Config struct {
	Now  func() time.Time
	Rand io.Reader
	// Changed is called after every change, before it is answered: whoever keeps service control policies forgets them.
	Changed func()
	// Accounts makes and knows the accounts themselves.
	Accounts Accounts
}

// Accounts is what Organizations asks of whoever holds the accounts.
type Accounts interface {
	// Accounts lists the accounts that exist.
	Accounts(ctx context.Context) ([]string, error)
	// Make makes a new account, with a role of this name that the management account may assume to do everything there.
	Make(ctx context.Context, account, role, management string) error
}

// Service is AWS Organizations. It is safe for concurrent use.
type Service struct {
	db     *store.DB
	config Config

	randMu   sync.Mutex
	creating sync.Mutex // one makes an account at a time, from what it looks at to what it writes
	loading  sync.Mutex // one reads the world anew at a time
	world    atomic.Pointer[world]
}

var _ gateway.Organizations = (*Service)(nil)

var schema = []string{
	`CREATE TABLE org_organizations (
		id TEXT PRIMARY KEY, management TEXT NOT NULL UNIQUE, root TEXT NOT NULL, scp INTEGER NOT NULL, rcp INTEGER NOT NULL)`,
	`CREATE TABLE org_units (id TEXT PRIMARY KEY, org TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL)`,
	`CREATE TABLE org_accounts (
		id TEXT PRIMARY KEY, org TEXT NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, email TEXT NOT NULL,
		method TEXT NOT NULL, joined INTEGER NOT NULL)`,
	`CREATE TABLE org_policies (
		id TEXT PRIMARY KEY, org TEXT NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
		content TEXT NOT NULL)`,
	`CREATE TABLE org_attachments (
		org TEXT NOT NULL, target TEXT NOT NULL, policy TEXT NOT NULL, PRIMARY KEY (org, target, policy))`,
	`CREATE TABLE org_requests (
		id TEXT PRIMARY KEY, org TEXT NOT NULL, name TEXT NOT NULL, account TEXT NOT NULL, reason TEXT NOT NULL,
		time INTEGER NOT NULL)`,
	`CREATE TABLE org_handshakes (
		id TEXT PRIMARY KEY, org TEXT NOT NULL, account TEXT NOT NULL, state TEXT NOT NULL, notes TEXT NOT NULL,
		requested INTEGER NOT NULL)`,
	`CREATE TABLE org_tags (org TEXT NOT NULL, id TEXT NOT NULL, tags TEXT NOT NULL, PRIMARY KEY (org, id))`,
}

// New opens Organizations in db, and makes its tables when they are not there.
func New(ctx context.Context, db *store.DB, config Config) (*Service, error) {
	if err := db.Migrate(ctx, "organizations", schema...); err != nil {
		return nil, err
	}
	if config.Changed == nil {
		config.Changed = func() {}
	}
	s := &Service{db: db, config: config}
	return s, s.load(ctx)
}

// API is the service for [gateway.Gateway.Register].
func (s *Service) API() gateway.Service {
	var operations []gateway.Operation
	for _, group := range [][]gateway.Operation{
		s.organizationOperations(), s.unitOperations(), s.accountOperations(), s.policyOperations(), s.attachmentOperations(),
		s.handshakeOperations(), s.tagOperations(),
	} {
		operations = append(operations, group...)
	}
	return gateway.Service{
		Name:       "organizations",
		Protocol:   gateway.JSON11,
		Target:     "AWSOrganizationsV20161128",
		Global:     true,
		Operations: operations,
	}
}

// Membership says where an account is and what lies on it. It answers from memory.
func (s *Service) Membership(account string) *gateway.Membership {
	return s.world.Load().memberships[account]
}

// load reads the world anew.
func (s *Service) load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	w, err := readWorld(ctx, s.db)
	if err != nil {
		return fmt.Errorf("organizations: %w", err)
	}
	s.world.Store(w)
	return nil
}

// change runs f in a transaction, with the state as it is there, and has everybody see what it did.
func (s *Service) change(ctx context.Context, f func(tx *store.Tx, w *world) error) error {
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		w, err := readWorld(ctx, tx)
		if err != nil {
			return err
		}
		return f(tx, w)
	})
	if err != nil {
		return err
	}
	// The change is made: whoever asked for it may leave, but everybody must see it.
	if err := s.load(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	s.config.Changed()
	return nil
}

const idLetters = "0123456789abcdefghijklmnopqrstuvwxyz"

// newID makes an id of n letters and digits behind a prefix.
func (s *Service) newID(prefix string, n int) (string, error) {
	return s.random(prefix, n, idLetters)
}

func (s *Service) random(prefix string, n int, letters string) (string, error) {
	b := make([]byte, n)
	s.randMu.Lock()
	defer s.randMu.Unlock()
	if _, err := io.ReadFull(s.config.Rand, b); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return prefix + string(b), nil
}

// exec runs a statement of a change.
func exec(ctx context.Context, tx *store.Tx, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("organizations: %w", err)
	}
	return nil
}

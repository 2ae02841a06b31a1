package organizations

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

var accountPattern = regexp.MustCompile(`^\d{12}$`)

// EnsureOrganization makes an organization with this management account, if there is none, and gives its id. It fails
// when the account is a member of another one.
func (s *Service) EnsureOrganization(ctx context.Context, management string) (string, error) {
	if !accountPattern.MatchString(management) {
		return "", fmt.Errorf("organization of account %q: not 12 digits", management)
	}
	o := s.world.Load().byAccount[management]
	if o == nil {
		return s.create(ctx, management)
	}
	if o.management != management {
		return "", fmt.Errorf("organization of account %s: it is a member of %s's", management, o.management)
	}
	return o.id, nil
}

// Join takes an account into the organization of a management account, as if it had been invited and had accepted.
// Nothing changes when it is in it.
func (s *Service) Join(ctx context.Context, management, account string) error {
	if !accountPattern.MatchString(account) {
		return fmt.Errorf("join account %q: not 12 digits", account)
	}
	return s.change(ctx, func(tx *store.Tx, w *world) error {
		o := w.byAccount[management]
		switch {
		case o == nil || o.management != management:
			return fmt.Errorf("join account %s: account %s has no organization", account, management)
		case w.byAccount[account] == o:
			return nil
		case w.byAccount[account] != nil:
			return fmt.Errorf("join account %s: it is in another organization", account)
		}
		return s.join(ctx, tx, o, &member{id: account, name: account, email: emailOf(account), method: "INVITED"})
	})
}

// AttachSCP attaches a service control policy to a member account, and enables service control policies where they are
// not. A policy of that name gets this document in place of what it had. The error is a [*gateway.Error] for a document
// that AWS refuses.
func (s *Service) AttachSCP(ctx context.Context, account, name string, document []byte) error {
	return s.attachTo(ctx, account, scpType, name, document)
}

// AttachRCP is [Service.AttachSCP] for a resource control policy.
func (s *Service) AttachRCP(ctx context.Context, account, name string, document []byte) error {
	return s.attachTo(ctx, account, rcpType, name, document)
}

func (s *Service) attachTo(ctx context.Context, account, kind, name string, document []byte) error {
	o := s.world.Load().byAccount[account]
	if o == nil {
		return fmt.Errorf("attach policy %s to account %s: the account is in no organization", name, account)
	}
	if o.management == account {
		return fmt.Errorf("attach policy %s to account %s: nothing limits the management account", name, account)
	}
	id, err := s.newID("p-", 10)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *store.Tx, w *world) error {
		o := w.organizations[o.id]
		if !o.enabled[kind] {
			if err := enable(ctx, tx, o, kind); err != nil {
				return err
			}
		}
		p := &policy{id: id, kind: kind, name: name, content: string(document)}
		for _, old := range o.policies {
			if old.name == name && old.kind == kind && !old.aws {
				p.id, p.description = old.id, old.description
			}
		}
		if p.id == id {
			err = insertPolicy(ctx, tx, o, p)
		} else {
			err = updatePolicy(ctx, tx, o, p)
		}
		if err != nil || slices.Contains(o.attached[account], p.id) {
			return err
		}
		return attach(ctx, tx, o, p.id, account)
	})
}

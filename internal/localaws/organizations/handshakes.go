package organizations

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// handshakeLife is how long an invitation is open.
const handshakeLife = 15 * 24 * time.Hour

// handshake is an invitation of an account into an organization.
type handshake struct {
	id, org, account, state, notes string
	requested                      int64
}

// The wire structures of handshakes.
type (
	party    struct{ Id, Type string }
	inviteIn struct {
		Target party
		Notes  string
		Tags   []tag
	}
	handshakeResource struct{ Value, Type string }
	handshakeShape    struct {
		Id, Arn                                 string
		Parties                                 []party
		State                                   string
		RequestedTimestamp, ExpirationTimestamp gateway.Time
		Action                                  string
		Resources                               []handshakeResource
	}
	handshakeOut    struct{ Handshake handshakeShape }
	handshakeIn     struct{ HandshakeId string }
	handshakeFilter struct{ ActionType, ParentHandshakeId string }
	handshakesIn    struct {
		Filter handshakeFilter
		paging
	}
	handshakesOut struct {
		Handshakes []handshakeShape
		listed
	}
)

func (s *Service) handshakeOperations() []gateway.Operation {
	onHandshake := func(ctx context.Context, _ *gateway.Call, in *handshakeIn) ([]gateway.Access, error) {
		if err := checkID("HandshakeId", in.HandshakeId); err != nil {
			return nil, err
		}
		h, err := findHandshake(ctx, s.db, in.HandshakeId)
		if err != nil || h == nil || s.world.Load().organizations[h.org] == nil {
			return []gateway.Access{{Resource: "arn:aws:organizations::*:handshake/*/invite/" + in.HandshakeId}}, err
		}
		// The handshake belongs to the organization that invites; whoever is invited needs no more than own policies for it.
		return []gateway.Access{{Resource: s.world.Load().organizations[h.org].arn("handshake", "invite/"+h.id)}}, nil
	}
	return []gateway.Operation{
		gateway.Op("InviteAccountToOrganization", nothing[inviteIn], s.invite).Except("only accounts by their id; Tags are refused"),
		gateway.Op("AcceptHandshake", onHandshake, func(ctx context.Context, c *gateway.Call, in *handshakeIn) (*handshakeOut, error) {
			return s.answer(ctx, c, in, "ACCEPTED")
		}),
		gateway.Op("DeclineHandshake", onHandshake, func(ctx context.Context, c *gateway.Call, in *handshakeIn) (*handshakeOut, error) {
			return s.answer(ctx, c, in, "DECLINED")
		}),
		gateway.Op("CancelHandshake", onHandshake, func(ctx context.Context, c *gateway.Call, in *handshakeIn) (*handshakeOut, error) {
			return s.answer(ctx, c, in, "CANCELED")
		}),
		gateway.Op("DescribeHandshake", onHandshake, s.describeHandshake),
		gateway.Op("ListHandshakesForAccount", nothing[handshakesIn], func(ctx context.Context, c *gateway.Call, in *handshakesIn) (*handshakesOut, error) {
			return s.listHandshakes(ctx, in, `WHERE account = ?`, c.Caller.Account)
		}),
		gateway.Op("ListHandshakesForOrganization", nothing[handshakesIn], func(ctx context.Context, c *gateway.Call, in *handshakesIn) (*handshakesOut, error) {
			o, err := s.managed(c)
			if err != nil {
				return nil, err
			}
			return s.listHandshakes(ctx, in, `WHERE org = ?`, o.id)
		}),
	}
}

const handshakeColumns = `SELECT id, org, account, state, notes, requested FROM org_handshakes `

func readHandshakes(ctx context.Context, q querier, where string, args ...any) ([]*handshake, error) {
	rows, err := q.QueryContext(ctx, handshakeColumns+where+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	defer func(rows *sql.Rows) { _ = rows.Close() }(rows)
	var list []*handshake
	for rows.Next() {
		var h handshake
		if err := rows.Scan(&h.id, &h.org, &h.account, &h.state, &h.notes, &h.requested); err != nil {
			return nil, err
		}
		list = append(list, &h)
	}
	return list, rows.Err()
}

// findHandshake gives a handshake, or nil when there is none.
func findHandshake(ctx context.Context, q querier, id string) (*handshake, error) {
	list, err := readHandshakes(ctx, q, `WHERE id = ?`, id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// stateAt is the state of the handshake: an open one expires.
func (h *handshake) stateAt(now time.Time) string {
	if h.state == "OPEN" && now.UnixMilli() > h.requested+handshakeLife.Milliseconds() {
		return "EXPIRED"
	}
	return h.state
}

func (s *Service) handshakeShape(h *handshake, o *organization) handshakeShape {
	shape := handshakeShape{
		Id: h.id, Arn: o.arn("handshake", "invite/"+h.id), State: h.stateAt(s.config.Now()), Action: "INVITE",
		Parties:            []party{{o.id, "ORGANIZATION"}, {h.account, "ACCOUNT"}},
		RequestedTimestamp: at(h.requested), ExpirationTimestamp: at(h.requested + handshakeLife.Milliseconds()),
		Resources: []handshakeResource{{o.id, "ORGANIZATION"}, {h.account, "ACCOUNT"}},
	}
	if h.notes != "" {
		shape.Resources = append(shape.Resources, handshakeResource{h.notes, "NOTES"})
	}
	return shape
}

func (s *Service) invite(ctx context.Context, c *gateway.Call, in *inviteIn) (*handshakeOut, error) {
	if in.Target.Type != "ACCOUNT" || len(in.Tags) > 0 {
		return nil, invalid("INVALID_PARTY_TYPE_TARGET: the local AWS invites accounts by their id, without tags.")
	}
	if err := checkID("AccountId", in.Target.Id); err != nil {
		return nil, err
	}
	taken, err := s.config.Accounts.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	id, err := s.newID("h-", 10)
	if err != nil {
		return nil, err
	}
	h := &handshake{id: id, account: in.Target.Id, state: "OPEN", notes: in.Notes, requested: s.config.Now().UnixMilli()}
	err = s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		if w.byAccount[h.account] == o {
			return failure("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION: the account is in the organization.")
		}
		// An account that is not there would be found out by this; AWS answers as for any other.
		if !slices.Contains(taken, h.account) {
			return invalid("INVALID_PARTY_TYPE_TARGET: there is no account %s in the local AWS.", h.account)
		}
		open, err := readHandshakes(ctx, tx, `WHERE org = ? AND account = ? AND state = 'OPEN'`, o.id, h.account)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(open, func(h *handshake) bool { return h.stateAt(s.config.Now()) == "OPEN" }) {
			return failure("DuplicateHandshakeException", "A handshake with the same action and target already exists.")
		}
		h.org = o.id
		return exec(ctx, tx, `INSERT INTO org_handshakes (id, org, account, state, notes, requested) VALUES (?, ?, ?, ?, ?, ?)`,
			h.id, h.org, h.account, h.state, h.notes, h.requested)
	})
	if err != nil {
		return nil, err
	}
	return &handshakeOut{s.handshakeShape(h, s.world.Load().organizations[h.org])}, nil
}

func noHandshake() error {
	return failure("HandshakeNotFoundException", "We can't find a handshake with the HandshakeId that you specified.")
}

// seen gives a handshake that is the caller's: of the account that is invited, or of the one that invites.
func (w *world) seen(ctx context.Context, q querier, c *gateway.Call, id string) (*handshake, *organization, error) {
	h, err := findHandshake(ctx, q, id)
	if err != nil {
		return nil, nil, err
	}
	if h == nil || w.organizations[h.org] == nil {
		return nil, nil, noHandshake()
	}
	o := w.organizations[h.org]
	if h.account != c.Caller.Account && o.management != c.Caller.Account {
		return nil, nil, noHandshake()
	}
	return h, o, nil
}

// answer ends an open handshake: the account accepts or declines, the organization cancels.
func (s *Service) answer(ctx context.Context, c *gateway.Call, in *handshakeIn, state string) (*handshakeOut, error) {
	err := s.change(ctx, func(tx *store.Tx, w *world) error {
		h, o, err := w.seen(ctx, tx, c, in.HandshakeId)
		if err != nil {
			return err
		}
		whose := h.account
		if state == "CANCELED" {
			whose = o.management
		}
		now := h.stateAt(s.config.Now())
		switch {
		case whose != c.Caller.Account:
			return failure("AccessDeniedException", "You don't have permissions to access this resource.")
		case now == state:
			return failure("HandshakeAlreadyInStateException", "The specified handshake is already in the requested state.")
		case now != "OPEN":
			return failure("InvalidHandshakeTransitionException", "You can't perform the operation on the handshake in its current state.")
		}
		if err := exec(ctx, tx, `UPDATE org_handshakes SET state = ? WHERE id = ?`, state, h.id); err != nil || state != "ACCEPTED" {
			return err
		}
		if w.byAccount[h.account] != nil {
			return failure("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION: the account is in an organization.")
		}
		return s.join(ctx, tx, o, &member{id: h.account, name: h.account, email: emailOf(h.account), method: "INVITED"})
	})
	if err != nil {
		return nil, err
	}
	return s.describeHandshake(ctx, c, in)
}

func (s *Service) describeHandshake(ctx context.Context, c *gateway.Call, in *handshakeIn) (*handshakeOut, error) {
	h, o, err := s.world.Load().seen(ctx, s.db, c, in.HandshakeId)
	if err != nil {
		return nil, err
	}
	return &handshakeOut{s.handshakeShape(h, o)}, nil
}

func (s *Service) listHandshakes(ctx context.Context, in *handshakesIn, where, id string) (*handshakesOut, error) {
	if f := in.Filter; f.ParentHandshakeId != "" || f.ActionType != "" && f.ActionType != "INVITE" {
		return nil, invalid("INVALID_ENUM: the local AWS has handshakes of the type INVITE only.")
	}
	list, err := readHandshakes(ctx, s.db, where, id)
	if err != nil {
		return nil, err
	}
	out := &handshakesOut{Handshakes: []handshakeShape{}}
	for _, h := range list {
		if o := s.world.Load().organizations[h.org]; o != nil {
			out.Handshakes = append(out.Handshakes, s.handshakeShape(h, o))
		}
	}
	out.Handshakes, out.listed, err = page(in.paging, out.Handshakes, func(h handshakeShape) string { return h.Id })
	return out, err
}

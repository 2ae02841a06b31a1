package iam

import (
	"context"
	"database/sql"
	"maps"
	"strings"
	"sync"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

var _ gateway.Directory = (*Service)(nil)

// maxCached bounds each kind of cached value; sessions come and go.
const maxCached = 1 << 14

// cache keeps what every request needs until the next change of anything. A value that was read before a change and
// is offered after it is refused: it may be out of date.
type cache struct {
	mu          sync.RWMutex
	generation  uint64
	credentials map[string]gateway.Credential
	policies    map[string]*engine.PolicySet
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.credentials, c.policies = nil, nil
}

// look runs get under the read lock and gives the generation to offer a value for.
func (c *cache) look(get func() bool) (found bool, generation uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return get(), c.generation
}

// keep runs put when nothing has changed since generation.
func (c *cache) keep(generation uint64, put func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	if c.credentials == nil || len(c.credentials) >= maxCached {
		c.credentials = map[string]gateway.Credential{}
	}
	if c.policies == nil || len(c.policies) >= maxCached {
		c.policies = map[string]*engine.PolicySet{}
	}
	put()
}

// Credential finds a user's active access key, or the key of a session.
func (s *Service) Credential(ctx context.Context, id string) (cred gateway.Credential, ok bool, err error) {
	ok, generation := s.cache.look(func() bool {
		cred, ok = s.cache.credentials[id]
		return ok
	})
	if ok {
		return cred, true, nil
	}
	cred, ok, err = s.userCredential(ctx, id)
	if err == nil && !ok {
		cred, ok, err = s.sessionCredential(ctx, id)
	}
	if err == nil && ok {
		s.cache.keep(generation, func() { s.cache.credentials[id] = cred })
	}
	return cred, ok, err
}

func (s *Service) userCredential(ctx context.Context, id string) (gateway.Credential, bool, error) {
	var u user
	var secret, text string
	found, err := one(ctx, s.db, `SELECT k.secret, u.account, u.name, u.path, u.id, u.tags FROM iam_keys k
		JOIN iam_users u ON u.account = k.account AND u.name = k.user WHERE k.id = ? AND k.active = 1`,
		[]any{id}, []any{&secret, &u.account, &u.name, &u.path, &u.id, &text})
	if err != nil || !found {
		return gateway.Credential{}, false, err
	}
	if text != "" {
		if err := fromJSON(text, &u.tags); err != nil {
			return gateway.Credential{}, false, err
		}
	}
	tags := map[string]string{}
	for _, t := range u.tags {
		tags[t.Key] = t.Value
	}
	return gateway.Credential{Secret: secret, Caller: gateway.Caller{
		Principal: engine.Principal{ARN: u.arn(), Account: u.account},
		UserID:    u.id,
		// The tags of a user are aws:PrincipalTag as those of a session are.
		SessionTags: tags,
	}}, true, nil
}

// Session is what STS keeps of a role session.
type Session struct {
	AccessKeyID, SecretAccessKey, Token string
	Role                                *Role
	Name                                string
	Policies                            []string // session policies, as given
	Tags                                map[string]string
	Transitive                          []string // the keys of those tags that sessions made by this one get as well
	SourceIdentity                      string
	SourceInstance                      string // ARN of the instance that EC2 made the session for
	Expires                             time.Time
	Issued                              time.Time // filled in by PutSession; zero for one of before it was kept
}

// ARN of the session.
func (s *Session) ARN() string {
	return "arn:aws:sts::" + s.Role.Account + ":assumed-role/" + s.Role.Name + "/" + s.Name
}

// UserID is what GetCallerIdentity gives for the session.
func (s *Session) UserID() string { return s.Role.ID + ":" + s.Name }

// keepExpired is how long an expired session is still told apart from an unknown key.
const keepExpired = 24 * time.Hour

// PutSession makes access keys for a session of a role and stores it. The keys, the token and its time are filled in,
// all else is the caller's.
func (s *Service) PutSession(ctx context.Context, session *Session) error {
	var err error
	if session.AccessKeyID, err = s.newID("ASIA", 20); err != nil {
		return err
	}
	if session.SecretAccessKey, err = s.newSecret(30); err != nil {
		return err
	}
	if session.Token, err = s.newSecret(96); err != nil {
		return err
	}
	session.Issued = s.now()
	policies, err := toJSON(session.Policies)
	if err != nil {
		return err
	}
	tags, err := toJSON(session.Tags)
	if err != nil {
		return err
	}
	transitive, err := toJSON(session.Transitive)
	if err != nil {
		return err
	}
	// Nothing that is cached changes: a new key was never asked for before.
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := exec(ctx, tx, `DELETE FROM iam_sessions WHERE expires < ?`, s.now().Add(-keepExpired).Unix()); err != nil {
			return err
		}
		_, err := exec(ctx, tx, `INSERT INTO iam_sessions (id, secret, token, account, role, role_id, name, policies, tags, source, instance, expires, transitive, issued)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, session.AccessKeyID, session.SecretAccessKey, session.Token,
			session.Role.Account, session.Role.Name, session.Role.ID, session.Name, policies, tags, session.SourceIdentity,
			session.SourceInstance, session.Expires.Unix(), transitive, session.Issued.Unix())
		return err
	})
}

// session reads a session. Its role is nil when that was deleted, or replaced by another of the same name.
func (s *Service) session(ctx context.Context, id string) (*Session, bool, error) {
	var account, role, roleID, policies, tags, transitive string
	var expires, issued int64
	out := &Session{AccessKeyID: id}
	found, err := one(ctx, s.db, `SELECT secret, token, account, role, role_id, name, policies, tags, source, instance, expires, transitive, issued FROM iam_sessions WHERE id = ?`,
		[]any{id}, []any{&out.SecretAccessKey, &out.Token, &account, &role, &roleID, &out.Name, &policies, &tags, &out.SourceIdentity, &out.SourceInstance, &expires, &transitive, &issued})
	if err != nil || !found {
		return nil, false, err
	}
	out.Expires = time.Unix(expires, 0).UTC()
	if issued != 0 {
		out.Issued = time.Unix(issued, 0).UTC()
	}
	if err := fromJSON(policies, &out.Policies); err != nil {
		return nil, false, err
	}
	if err := fromJSON(tags, &out.Tags); err != nil {
		return nil, false, err
	}
	if err := fromJSON(transitive, &out.Transitive); err != nil {
		return nil, false, err
	}
	if role == InstanceIdentity {
		out.Role = InstanceIdentityRole(account)
		return out, true, nil
	}
	r, err := findRole(ctx, s.db, account, role)
	if err == nil && r != nil && r.ID == roleID {
		out.Role = r
	}
	return out, true, err
}

func (s *Service) sessionCredential(ctx context.Context, id string) (gateway.Credential, bool, error) {
	session, ok, err := s.session(ctx, id)
	if err != nil || !ok || session.Role == nil {
		return gateway.Credential{}, false, err
	}
	tags := map[string]string{}
	for _, t := range session.Role.Tags {
		tags[t.Key] = t.Value
	}
	for k, v := range session.Tags {
		// The keys of tags are the same whatever their case: one of the session takes the place of the role's.
		maps.DeleteFunc(tags, func(key, _ string) bool { return strings.EqualFold(key, k) })
		tags[k] = v
	}
	return gateway.Credential{
		Secret: session.SecretAccessKey, SessionToken: session.Token, Expires: session.Expires,
		Caller: gateway.Caller{
			Principal:      engine.Principal{ARN: session.ARN(), RoleARN: session.Role.ARN(), Account: session.Role.Account},
			UserID:         session.UserID(),
			SourceIdentity: session.SourceIdentity,
			SessionTags:    tags,
			TransitiveTags: session.Transitive,
			SourceInstance: session.SourceInstance,
			Issued:         session.Issued,
		},
	}, true, nil
}

// Policies gives the policies of a user or of a role session. Everybody else has none.
func (s *Service) Policies(ctx context.Context, caller gateway.Caller) (*engine.PolicySet, error) {
	if caller.Kind != engine.PrincipalAWS || caller.AccessKeyID == "" {
		return &engine.PolicySet{}, nil
	}
	var set *engine.PolicySet
	found, generation := s.cache.look(func() bool {
		set = s.cache.policies[caller.AccessKeyID]
		return set != nil
	})
	if found {
		return set, nil
	}
	set, err := s.compile(ctx, caller)
	if err == nil {
		set.SCPs = s.servicePolicies(caller.Account)
		s.cache.keep(generation, func() { s.cache.policies[caller.AccessKeyID] = set })
	}
	return set, err
}

// SetOrganizations tells who lays service control policies on accounts. It comes before the first request; whoever
// changes them calls [Service.Forget].
func (s *Service) SetOrganizations(o gateway.Organizations) { s.organizations = o }

// Forget has everything read anew that is kept in memory about principals and their policies.
func (s *Service) Forget() { s.cache.clear() }

// servicePolicies are the service control policies above an account, by level; nil when there are none.
func (s *Service) servicePolicies(account string) [][]*engine.Policy {
	if s.organizations == nil {
		return nil
	}
	if m := s.organizations.Membership(account); m != nil {
		return m.SCPs
	}
	return nil
}

func (s *Service) compile(ctx context.Context, caller gateway.Caller) (*engine.PolicySet, error) {
	if caller.RoleARN == "" {
		return s.userPolicies(ctx, caller.Account, nameOf(caller.ARN))
	}
	session, ok, err := s.session(ctx, caller.AccessKeyID)
	if err != nil || !ok || session.Role == nil {
		return &engine.PolicySet{}, err
	}
	r := session.Role
	set, err := s.ownPolicies(ctx, owner{r.Account, "role", r.Name}, r.Boundary)
	if err != nil {
		return nil, err
	}
	for _, text := range session.Policies {
		p, err := engine.ParsePolicy("session policy", []byte(text))
		if err != nil {
			return nil, err
		}
		set.Session = append(set.Session, p)
	}
	return set, nil
}

// userPolicies compiles the policies of a user, and of the groups that the user is in.
func (s *Service) userPolicies(ctx context.Context, account, name string) (*engine.PolicySet, error) {
	u, err := findUser(ctx, s.db, account, name)
	if err != nil || u == nil {
		return &engine.PolicySet{}, err
	}
	set, err := s.ownPolicies(ctx, owner{account, "user", name}, u.boundary)
	if err != nil {
		return nil, err
	}
	groups, err := groupsOf(ctx, s.db, account, name)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		of, err := s.ownPolicies(ctx, owner{account, "group", g.name}, "")
		if err != nil {
			return nil, err
		}
		set.Identity = append(set.Identity, of.Identity...)
	}
	return set, nil
}

// policyText is a policy of an owner: its name, and whether it is managed or inline.
type policyText struct {
	name, text string
	managed    bool
}

// policyTexts lists the inline and attached policies of a user, a group or a role.
func (s *Service) policyTexts(ctx context.Context, o owner) ([]policyText, error) {
	list, err := many(ctx, s.db, scanInline, `SELECT name, document FROM iam_inline WHERE account = ? AND kind = ? AND owner = ? ORDER BY name`, o.args()...)
	if err != nil {
		return nil, err
	}
	attached, err := many(ctx, s.db, scanText, `SELECT arn FROM iam_attached WHERE account = ? AND kind = ? AND owner = ? ORDER BY arn`, o.args()...)
	if err != nil {
		return nil, err
	}
	for _, a := range attached {
		text, err := s.PolicyDocument(ctx, o.account, a)
		if err != nil {
			return nil, err
		}
		list = append(list, policyText{nameOf(a), text, true})
	}
	return list, nil
}

// ownPolicies compiles the inline and attached policies of a user, a group or a role, and its boundary.
func (s *Service) ownPolicies(ctx context.Context, o owner, boundary string) (*engine.PolicySet, error) {
	texts, err := s.policyTexts(ctx, o)
	if err != nil {
		return nil, err
	}
	set := &engine.PolicySet{}
	for _, t := range texts {
		p, err := engine.ParsePolicy(t.name, []byte(t.text))
		if err != nil {
			return nil, err
		}
		set.Identity = append(set.Identity, p)
	}
	if boundary != "" {
		set.Boundary, err = s.compileManaged(ctx, o.account, boundary)
	}
	return set, err
}

func (s *Service) compileManaged(ctx context.Context, account, policyARN string) (*engine.Policy, error) {
	text, err := s.PolicyDocument(ctx, account, policyARN)
	if err != nil {
		return nil, err
	}
	return engine.ParsePolicy(nameOf(policyARN), []byte(text))
}

// PolicyDocument gives the default version of a managed policy that account may use.
func (s *Service) PolicyDocument(ctx context.Context, account, policyARN string) (string, error) {
	p, err := mustPolicy(ctx, s.db, account, policyARN)
	if err != nil {
		return "", err
	}
	text, _, err := p.document(ctx, s.db, p.version)
	return text, err
}

func scanInline(rows *sql.Rows) (p policyText, err error) {
	err = rows.Scan(&p.name, &p.text)
	return p, err
}

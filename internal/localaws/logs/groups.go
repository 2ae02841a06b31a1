package logs

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// errNone says that there is no such group or stream.
var errNone = errors.New("does not exist")

// group is a log group.
type group struct {
	target
	id, created int64
	retention   int // days; 0 is for ever
	tags        map[string]string
}

// expired is the time before which events are gone, for one that is read now.
func (s *Service) expired(g group) int64 {
	if g.retention == 0 {
		return -1
	}
	return millis(s.now().AddDate(0, 0, -g.retention))
}

func loadGroup(ctx context.Context, q querier, t target) (group, error) {
	g := group{target: t}
	var tags string
	err := q.QueryRowContext(ctx, `SELECT id, created, retention, tags FROM logs_group WHERE account = ? AND region = ? AND name = ?`,
		t.account, t.region, t.name).Scan(&g.id, &g.created, &g.retention, &tags)
	if errors.Is(err, sql.ErrNoRows) {
		return group{}, fmt.Errorf("log group %s: %w", t.name, errNone)
	}
	if err == nil {
		err = json.Unmarshal([]byte(tags), &g.tags)
	}
	if err != nil {
		return group{}, fmt.Errorf("read log group %s: %w", t.name, err)
	}
	return g, nil
}

// mustGroup is loadGroup with AWS's error.
func mustGroup(ctx context.Context, q querier, t target) (group, error) {
	g, err := loadGroup(ctx, q, t)
	if errors.Is(err, errNone) {
		return group{}, noGroup()
	}
	return g, err
}

type groupInput struct{ nameRef }

type empty struct{}

type createGroupInput struct {
	nameRef
	KmsKeyID                  string            `json:"kmsKeyId"`
	Tags                      map[string]string `json:"tags"`
	LogGroupClass             string            `json:"logGroupClass"`
	DeletionProtectionEnabled bool              `json:"deletionProtectionEnabled"`
}

// check holds a new group to what is served, and its name to what the documentation says.
func (in *createGroupInput) check() error {
	switch {
	case strings.HasPrefix(in.LogGroupName, "aws/"):
		return invalid("Log groups starting with AWS/ are reserved for AWS.")
	case in.KmsKeyID != "":
		return invalid("The specified KMS Key Id could not be found.")
	case in.LogGroupClass != "" && in.LogGroupClass != "STANDARD":
		if err := checkEnum("logGroupClass", in.LogGroupClass, "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"); err != nil {
			return err
		}
		return invalid("The local AWS has only log groups of the class STANDARD.")
	case in.DeletionProtectionEnabled:
		return invalid("The local AWS does not serve deletion protection.")
	}
	return checkTags(in.Tags)
}

// createGroupAccess: a group with tags also needs TagResource, or the older TagLogGroup ("CreateLogGroup", API reference).
func (s *Service) createGroupAccess(ctx context.Context, c *gateway.Call, in *createGroupInput) ([]gateway.Access, error) {
	needs, err := onGroup[createGroupInput](s)(ctx, c, in)
	if err != nil || len(in.Tags) == 0 {
		return needs, err
	}
	needs[0].Context = requestTags(in.Tags)
	t, err := in.group().resolve(c)
	if err != nil {
		return nil, err
	}
	tag := gateway.Access{Action: "logs:TagResource", Resource: t.arn(), Context: requestTags(in.Tags)}
	older := gateway.Access{Action: "logs:TagLogGroup", Resource: scoped(t.arn()), Context: requestTags(in.Tags)}
	for _, either := range []gateway.Access{tag, older} {
		if d, err := c.Decide(ctx, either); err != nil || d.Outcome == iam.Allowed {
			return needs, err
		}
	}
	return append(needs, tag), nil
}

func (s *Service) createGroup(ctx context.Context, c *gateway.Call, in *createGroupInput) (*empty, error) {
	t, err := in.group().own(c)
	if err != nil {
		return nil, err
	}
	tags, err := json.Marshal(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.Tags == nil {
		tags = []byte("{}")
	}
	result, err := s.db.ExecContext(ctx, `INSERT INTO logs_group (account, region, name, created, tags) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING`,
		t.account, t.region, t.name, millis(s.now()), string(tags))
	return &empty{}, created(result, err, "log group")
}

// created tells a row that was there before from one that is new.
func created(result sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("create %s: %w", what, err)
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		err = fault("ResourceAlreadyExistsException", "The specified %s already exists", what)
	}
	return err
}

func (s *Service) deleteGroup(ctx context.Context, c *gateway.Call, in *groupInput) (*empty, error) {
	return &empty{}, s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		for _, statement := range []string{
			`DELETE FROM logs_event WHERE stream IN (SELECT id FROM logs_stream WHERE parent = ?)`,
			`DELETE FROM logs_stream WHERE parent = ?`, `DELETE FROM logs_group WHERE id = ?`,
		} {
			if _, err := tx.ExecContext(ctx, statement, g.id); err != nil {
				return fmt.Errorf("delete log group: %w", err)
			}
		}
		return nil
	})
}

// inGroup runs f in a transaction, on a group of the caller's that is there.
func (s *Service) inGroup(ctx context.Context, c *gateway.Call, ref groupRef, f func(tx *store.Tx, g group) error) error {
	t, err := ref.own(c)
	if err != nil {
		return err
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		g, err := mustGroup(ctx, tx, t)
		if err != nil {
			return err
		}
		return f(tx, g)
	})
}

type retentionInput struct {
	nameRef
	RetentionInDays *int `json:"retentionInDays"`
}

var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (in *retentionInput) check() error {
	if in.RetentionInDays == nil {
		return broken(nil, "retentionInDays", "Member must not be null")
	}
	if !slices.Contains(retentions, *in.RetentionInDays) {
		return broken(*in.RetentionInDays, "retentionInDays", "Member must satisfy enum value set: "+strings.ReplaceAll(fmt.Sprint(retentions), " ", ", "))
	}
	return nil
}

// putRetention also deletes what is too old already; later that is done when something is written.
func (s *Service) putRetention(ctx context.Context, c *gateway.Call, in *retentionInput) (*empty, error) {
	return &empty{}, s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		g.retention = *in.RetentionInDays
		if _, err := tx.ExecContext(ctx, `UPDATE logs_group SET retention = ? WHERE id = ?`, g.retention, g.id); err != nil {
			return fmt.Errorf("set retention: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM logs_event WHERE stream IN (SELECT id FROM logs_stream WHERE parent = ?) AND at < ?`,
			g.id, s.expired(g)); err != nil {
			return fmt.Errorf("expire events: %w", err)
		}
		return nil
	})
}

func (s *Service) deleteRetention(ctx context.Context, c *gateway.Call, in *groupInput) (*empty, error) {
	return &empty{}, s.inGroup(ctx, c, in.group(), func(tx *store.Tx, g group) error {
		_, err := tx.ExecContext(ctx, `UPDATE logs_group SET retention = 0 WHERE id = ?`, g.id)
		return err
	})
}

type describeGroupsInput struct {
	Prefix                string   `json:"logGroupNamePrefix"`
	Pattern               string   `json:"logGroupNamePattern"`
	NextToken             string   `json:"nextToken"`
	Limit                 *int     `json:"limit"`
	AccountIdentifiers    []string `json:"accountIdentifiers"`
	IncludeLinkedAccounts bool     `json:"includeLinkedAccounts"`
	LogGroupClass         string   `json:"logGroupClass"`
	LogGroupIdentifiers   []string `json:"logGroupIdentifiers"`
}

type groupOutput struct {
	Name              string `json:"logGroupName"`
	CreationTime      int64  `json:"creationTime"`
	RetentionInDays   int    `json:"retentionInDays,omitempty"`
	MetricFilterCount int    `json:"metricFilterCount"`
	ARN               string `json:"arn"`
	StoredBytes       int64  `json:"storedBytes"`
	Class             string `json:"logGroupClass"`
	LogGroupARN       string `json:"logGroupArn"`
}

type describeGroupsOutput struct {
	LogGroups []groupOutput `json:"logGroups"`
	NextToken string        `json:"nextToken,omitempty"`
}

// describeGroupsAccess: the action has no resource types; AWS names all log groups in its denials, in the form of [scoped].
func describeGroupsAccess(_ context.Context, c *gateway.Call, in *describeGroupsInput) ([]gateway.Access, error) {
	if in.Prefix != "" && in.Pattern != "" {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if len(in.AccountIdentifiers) > 0 || in.IncludeLinkedAccounts || len(in.LogGroupIdentifiers) > 0 {
		return nil, invalid("The local AWS does not serve accountIdentifiers, includeLinkedAccounts and logGroupIdentifiers.")
	}
	for path, name := range map[string]string{"logGroupNamePrefix": in.Prefix, "logGroupNamePattern": in.Pattern} {
		if name == "" {
			continue
		}
		if err := checkName(path, name, groupName); err != nil {
			return nil, err
		}
	}
	if err := checkEnum("logGroupClass", in.LogGroupClass, "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"); err != nil {
		return nil, err
	}
	return []gateway.Access{{Resource: scoped(groupARN(c.Caller.Account, c.Region, ""))}}, checkBetween("limit", in.Limit, 1, 50)
}

func (s *Service) describeGroups(ctx context.Context, c *gateway.Call, in *describeGroupsInput) (*describeGroupsOutput, error) {
	after, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT g.name, g.created, g.retention, coalesce((SELECT sum(bytes) FROM logs_stream s WHERE s.parent = g.id), 0)
		FROM logs_group g WHERE account = ? AND region = ? AND name > ? ORDER BY name`, c.Caller.Account, c.Region, after)
	if err != nil {
		return nil, fmt.Errorf("list log groups: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := &describeGroupsOutput{LogGroups: []groupOutput{}}
	for rows.Next() {
		g := groupOutput{Class: "STANDARD"}
		if err := rows.Scan(&g.Name, &g.CreationTime, &g.RetentionInDays, &g.StoredBytes); err != nil {
			return nil, fmt.Errorf("list log groups: %w", err)
		}
		if !strings.HasPrefix(g.Name, in.Prefix) || !strings.Contains(g.Name, in.Pattern) || in.LogGroupClass != "" && in.LogGroupClass != g.Class {
			continue
		}
		if len(out.LogGroups) == limitOr(in.Limit, 50) {
			out.NextToken = tokenOf(out.LogGroups[len(out.LogGroups)-1].Name)
			break
		}
		g.LogGroupARN = groupARN(c.Caller.Account, c.Region, g.Name)
		g.ARN = g.LogGroupARN + ":*"
		out.LogGroups = append(out.LogGroups, g)
	}
	return out, rows.Err()
}

func limitOr(value *int, otherwise int) int {
	if value == nil {
		return otherwise
	}
	return *value
}

// tokenOf hides where the next page begins.
func tokenOf(position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1:" + position))
}

// position undoes [tokenOf]; an empty token is the first page.
func position(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	at, ok := strings.CutPrefix(string(raw), "1:")
	if err != nil || !ok || at == "" {
		return "", invalid("The specified nextToken is invalid.")
	}
	return at, nil
}

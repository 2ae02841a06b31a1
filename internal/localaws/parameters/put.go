package parameters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The quotas of Parameter Store.
const (
	maxStandard   = 4 << 10
	maxAdvanced   = 8 << 10
	maxParameters = 10000
	maxVersions   = 100
	maxTags       = 50
)

type tag struct{ Key, Value string }

type putInput struct {
	Name, Description string
	Value             *secret
	Type, KeyId       string
	Overwrite         bool
	AllowedPattern    string
	Tags              []tag
	Tier              string
	Policies          string
	DataType          string
}

type putOutput struct {
	Version int64
	Tier    string
}

var (
	tagForm = regexp.MustCompile(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`)
	nested  = regexp.MustCompile(`\{\{.*\}\}`)
)

// check is what can be said of a request without looking at what is there.
func (in *putInput) check(at space) error {
	var err error
	if in.Name, err = newName(at, in.Name); err != nil {
		return err
	}
	switch {
	case in.Value == nil:
		return broken(nil, "value", "Member must not be null")
	case *in.Value == "":
		return broken("", "value", "Member must have length greater than or equal to 1")
	case nested.MatchString(string(*in.Value)):
		return invalid("Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.")
	case utf8.RuneCountInString(in.Description) > 1024:
		return broken("…", "description", "Member must have length less than or equal to 1024")
	case utf8.RuneCountInString(in.AllowedPattern) > 1024:
		return broken("…", "allowedPattern", "Member must have length less than or equal to 1024")
	case in.Overwrite && len(in.Tags) > 0:
		return invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. " +
			"To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case in.Policies != "":
		return fault("InvalidPolicyTypeException", "The local AWS does not serve parameter policies.")
	case in.DataType != "" && in.DataType != "text":
		return invalid("The following data type is not supported: %s (Data type names are all lowercase.)", in.DataType)
	case in.KeyId != "" && in.Type != "SecureString":
		return invalid("KeyId is required for SecureString type parameter only.")
	case in.KeyId != "" && in.KeyId != defaultKey && in.KeyId != keyARN(at):
		return fault("InvalidKeyId", "Invalid keyId %s", in.KeyId)
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	if err := checkEnum("type", in.Type, "String", "StringList", "SecureString"); err != nil {
		return err
	}
	if err := checkEnum("tier", in.Tier, "Standard", "Advanced", "Intelligent-Tiering"); err != nil {
		return err
	}
	return in.checkPattern()
}

func checkTags(tags []tag) error {
	if len(tags) > maxTags {
		return fault("TooManyTagsError", "The number of tags exceeds the limit of %d.", maxTags)
	}
	for i, t := range tags {
		path := "tags." + strconv.Itoa(i+1) + ".member."
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || !tagForm.MatchString(t.Key):
			return broken(t.Key, path+"key", "Member must satisfy regular expression pattern: "+tagForm.String())
		case utf8.RuneCountInString(t.Value) > 256 || !tagForm.MatchString(t.Value):
			return broken(t.Value, path+"value", "Member must satisfy regular expression pattern: "+tagForm.String())
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalid("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	return nil
}

// checkPattern holds the value to the pattern.
// uncertain: whether the pattern has to match the whole value; taken to be so.
func (in *putInput) checkPattern() error {
	if in.AllowedPattern == "" {
		return nil
	}
	re, err := regexp.Compile(`^(?:` + in.AllowedPattern + `)$`)
	if err != nil {
		return fault("InvalidAllowedPatternException", "The request does not meet the regular expression requirement.")
	}
	if !re.MatchString(string(*in.Value)) {
		return fault("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", in.AllowedPattern)
	}
	return nil
}

func (s *Service) putAccess(ctx context.Context, c *gateway.Call, in *putInput) ([]gateway.Access, error) {
	if err := in.check(spaceOf(c)); err != nil {
		return nil, err
	}
	tags := map[string][]string{}
	for _, t := range in.Tags {
		tags["aws:RequestTag/"+t.Key] = []string{t.Value}
		tags["aws:TagKeys"] = append(tags["aws:TagKeys"], t.Key)
	}
	put, err := s.access(ctx, c, in.Name, tags)
	if err != nil {
		return nil, err
	}
	put.Context["ssm:Overwrite"] = []string{strconv.FormatBool(in.Overwrite)}
	if len(in.Tags) == 0 {
		return []gateway.Access{put}, nil
	}
	return []gateway.Access{put, {Action: "ssm:AddTagsToResource", Resource: put.Resource, Context: tags}}, nil
}

func (s *Service) put(ctx context.Context, c *gateway.Call, in *putInput) (*putOutput, error) {
	if err := s.mayEncrypt(ctx, c, in); err != nil {
		return nil, err
	}
	var out putOutput
	err := s.db.Tx(ctx, func(tx *store.Tx) error {
		v, err := s.next(ctx, tx, c, in)
		if err != nil {
			return err
		}
		out = putOutput{v.Version, v.Tier}
		return s.write(ctx, tx, spaceOf(c), v, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// mayEncrypt demands the key for a secret: a standard one is encrypted by KMS itself, an advanced one with a data key.
func (s *Service) mayEncrypt(ctx context.Context, c *gateway.Call, in *putInput) error {
	kind := in.Type
	if kind == "" {
		old, _, err := latest(ctx, s.db, spaceOf(c), in.Name)
		if err != nil && !errors.Is(err, errNone) {
			return err
		}
		kind = old.Type
	}
	if kind != "SecureString" {
		return nil
	}
	action := "kms:Encrypt"
	if in.Tier == "Advanced" || len(*in.Value) > maxStandard {
		action = "kms:GenerateDataKey"
	}
	return mayUseKey(ctx, c, action, in.Name)
}

// next is the version that the request makes.
func (s *Service) next(ctx context.Context, tx *store.Tx, c *gateway.Call, in *putInput) (version, error) {
	at := spaceOf(c)
	old, _, err := latest(ctx, tx, at, in.Name)
	there := err == nil
	if err != nil && !errors.Is(err, errNone) {
		return version{}, err
	}
	v := version{Name: in.Name, Version: old.Version + 1, Type: in.Type, About: in.Description, Pattern: in.AllowedPattern, DataType: "text",
		User: c.Caller.ARN, Modified: s.now().UnixMilli()}
	switch {
	case there && !in.Overwrite:
		return version{}, fault("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	case !there && in.Type == "":
		return version{}, invalid("A parameter type is required when you create a parameter.")
	case there && in.Type != "" && in.Type != old.Type:
		return version{}, fault("HierarchyTypeMismatchException", "Parameter Store doesn't support changing a parameter type in a hierarchy.")
	case there:
		v.Type = old.Type
	}
	if v.Tier, err = tier(in, old.Tier); err != nil {
		return version{}, err
	}
	v.Value = string(*in.Value)
	if v.Type == "SecureString" {
		v.KeyID = defaultKey
		v.Value, err = s.seal(ctx, tx, at, in.Name, v.Value)
	}
	return v, err
}

// tier chooses the tier of a value. There is no way back from the advanced one.
func tier(in *putInput, before string) (string, error) {
	size := len(*in.Value)
	chosen := in.Tier
	switch {
	case chosen == "" && before != "":
		chosen = before
	case chosen == "":
		chosen = "Standard"
	case chosen == "Intelligent-Tiering" && (size > maxStandard || before == "Advanced"):
		chosen = "Advanced"
	case chosen == "Intelligent-Tiering":
		chosen = "Standard"
	}
	switch {
	case before == "Advanced" && chosen == "Standard":
		return "", invalid("This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier.")
	case chosen == "Standard" && size > maxStandard:
		return "", invalid("Standard tier parameters support a maximum parameter value of %d characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", maxStandard)
	case size > maxAdvanced:
		return "", invalid("Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	}
	return chosen, nil
}

// write stores a version. Of a parameter with many the oldest goes, unless it has a label.
func (s *Service) write(ctx context.Context, tx *store.Tx, at space, v version, tags []tag) error {
	if err := makeRoom(ctx, tx, at, v); err != nil {
		return err
	}
	if err := save(ctx, tx, at, v); err != nil {
		return err
	}
	m := map[string]string{}
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO parameters_name (account, region, name, version, tags) VALUES (?,?,?,?,?)
		ON CONFLICT DO UPDATE SET version = excluded.version`, at.account, at.region, v.Name, v.Version, string(text)); err != nil {
		return fmt.Errorf("write parameter: %w", err)
	}
	return nil
}

func makeRoom(ctx context.Context, tx *store.Tx, at space, v version) error {
	if v.Version == 1 {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM parameters_name WHERE account = ? AND region = ?`, at.account, at.region).Scan(&n); err != nil {
			return fmt.Errorf("count parameters: %w", err)
		}
		if n >= maxParameters {
			return fault("ParameterLimitExceeded", "You have exceeded the number of parameters for this AWS account.")
		}
		return nil
	}
	all, err := versions(ctx, tx, at, v.Name)
	if err != nil || len(all) < maxVersions {
		return err
	}
	if len(all[0].Labels) > 0 {
		return fault("ParameterMaxVersionLimitExceeded", "You attempted to create a new version of %s by calling the PutParameter API with the overwrite flag. "+
			"Version %d, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.", v.Name, all[0].Version)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM parameters_version WHERE account = ? AND region = ? AND name = ? AND version = ?`,
		at.account, at.region, v.Name, all[0].Version)
	return err
}

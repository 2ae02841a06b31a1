package hybrid

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// The limits of CreateActivation ("CreateActivation", Systems Manager API reference).
const (
	defaultLife = 24 * time.Hour
	maxLife     = 30 * 24 * time.Hour
	maxNodes    = 1000
	maxText     = 256
	maxTags     = 50
)

// service is the principal that hands the role of an activation to its nodes.
const service = "ssm.amazonaws.com"

var (
	activationID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	plainText    = regexp.MustCompile(`^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$`)
)

type tag struct{ Key, Value string }

// activation is an activation as it is stored. Its code is kept as a hash only.
type activation struct {
	id, account, region     string
	code                    []byte
	description, name, role string
	limit, registrations    int
	expires, created        time.Time
	tags                    []tag
}

const activationColumns = `id, account, region, code, description, name, role, registration_limit, registrations, expires, created, tags`

func scanActivation(r scanner) (activation, error) {
	var a activation
	var expires, created int64
	var tags string
	if err := r.Scan(&a.id, &a.account, &a.region, &a.code, &a.description, &a.name, &a.role, &a.limit, &a.registrations,
		&expires, &created, &tags); err != nil {
		return activation{}, err
	}
	a.expires, a.created = time.Unix(expires, 0).UTC(), time.Unix(created, 0).UTC()
	return a, json.Unmarshal([]byte(tags), &a.tags)
}

type (
	createActivationInput struct {
		Description, DefaultInstanceName, IamRole string
		RegistrationLimit                         *int
		ExpirationDate                            *gateway.Time
		Tags                                      []tag
		RegistrationMetadata                      []tag
	}
	createActivationOutput struct{ ActivationId, ActivationCode string }
)

func (in *createActivationInput) check(now time.Time) error {
	switch {
	case in.IamRole == "":
		return violated(nil, "iamRole", "Member must not be null")
	case len(in.IamRole) > 64:
		return violated(in.IamRole, "iamRole", "Member must have length less than or equal to 64")
	case utf8.RuneCountInString(in.Description) > maxText:
		return violated(in.Description, "description", "Member must have length less than or equal to 256")
	case utf8.RuneCountInString(in.DefaultInstanceName) > maxText:
		return violated(in.DefaultInstanceName, "defaultInstanceName", "Member must have length less than or equal to 256")
	case !plainText.MatchString(in.DefaultInstanceName):
		return violated(in.DefaultInstanceName, "defaultInstanceName", "Member must satisfy regular expression pattern: "+plainText.String())
	case in.RegistrationLimit != nil && (*in.RegistrationLimit < 1 || *in.RegistrationLimit > maxNodes):
		return violated(*in.RegistrationLimit, "registrationLimit", "Member must have value between 1 and 1000")
	case len(in.RegistrationMetadata) > 0:
		return fault("InvalidParameters", "RegistrationMetadata is not honoured by the local AWS.")
	}
	// uncertain: the code for a date that cannot be.
	if d := in.ExpirationDate; d != nil && (!d.After(now) || d.Sub(now) > maxLife) {
		return fault("InvalidParameters", "The expiration date must be in the future, at most 30 days from now.")
	}
	return checkTags(in.Tags)
}

func checkTags(tags []tag) error {
	if len(tags) > maxTags {
		return fault("ValidationException", "The number of tags exceeds the limit of %d.", maxTags)
	}
	for i, t := range tags {
		path := "tags." + strconv.Itoa(i+1) + ".member."
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || !plainText.MatchString(t.Key):
			return violated(t.Key, path+"key", "Member must satisfy regular expression pattern: "+plainText.String())
		case utf8.RuneCountInString(t.Value) > maxText || !plainText.MatchString(t.Value):
			return violated(t.Value, path+"value", "Member must satisfy regular expression pattern: "+plainText.String())
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return fault("ValidationException", "aws: prefixed tag key names are not allowed for external use.")
		case slices.ContainsFunc(tags[:i], func(other tag) bool { return other.Key == t.Key }):
			return fault("ValidationException", "The tag key %s is there twice.", t.Key)
		}
	}
	return nil
}

// createActivationAccess demands that the caller may hand over the role: nodes that register get it.
func (s *Service) createActivationAccess(ctx context.Context, c *gateway.Call, in *createActivationInput) ([]gateway.Access, error) {
	if err := in.check(s.now()); err != nil {
		return nil, err
	}
	keys := map[string][]string{}
	for _, t := range in.Tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	pass, err := s.passRole(ctx, c, in.IamRole)
	if err != nil {
		return nil, err
	}
	need := []gateway.Access{{Context: keys}, pass}
	if len(in.Tags) > 0 {
		need = append(need, gateway.Access{Action: "ssm:AddTagsToResource", Context: keys})
	}
	return need, nil
}

// passRole is the permission to hand a role of the caller's account to Systems Manager.
func (s *Service) passRole(ctx context.Context, c *gateway.Call, role string) (gateway.Access, error) {
	arn, err := s.roleARN(ctx, c.Caller.Account, role)
	return gateway.Access{
		Action: "iam:PassRole", Resource: arn, Context: map[string][]string{"iam:PassedToService": {service}},
	}, err
}

// roleARN is the ARN of a role that is named with or without its path: service-role/Name. A role that is not there gets
// the ARN that the name says.
func (s *Service) roleARN(ctx context.Context, account, role string) (string, error) {
	found, err := s.iam.FindRole(ctx, account, role[strings.LastIndexByte(role, '/')+1:])
	if err != nil {
		return "", err
	}
	if found != nil && (role == found.Name || "/"+role == found.Path+found.Name) {
		return found.ARN(), nil
	}
	return "arn:aws:iam::" + account + ":role/" + role, nil
}

// mustTrust wants a role that there is and that Systems Manager may assume.
func (s *Service) mustTrust(ctx context.Context, c *gateway.Call, role string) error {
	arn, err := s.roleARN(ctx, c.Caller.Account, role)
	if err != nil {
		return err
	}
	trusted, err := s.sts.TrustsFor(ctx, arn, service, "arn:aws:ssm:"+c.Region+":"+c.Caller.Account+":*")
	if err != nil {
		return err
	}
	if !trusted {
		return fault("ValidationException", "Nonexistent role or missing ssm service principal in trust policy: %s", arn)
	}
	return nil
}

func (s *Service) createActivation(ctx context.Context, c *gateway.Call, in *createActivationInput) (*createActivationOutput, error) {
	if err := s.mustTrust(ctx, c, in.IamRole); err != nil {
		return nil, err
	}
	id, code, err := s.newActivation()
	if err != nil {
		return nil, err
	}
	tags, err := encode(in.Tags)
	if err != nil {
		return nil, err
	}
	limit, expires := 1, s.now().Add(defaultLife)
	if in.RegistrationLimit != nil {
		limit = *in.RegistrationLimit
	}
	if in.ExpirationDate != nil {
		expires = in.ExpirationDate.Time
	}
	_, err = change(ctx, s.db, `INSERT INTO hybrid_activation (`+activationColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
		id, c.Caller.Account, c.Region, hashOf(code), in.Description, in.DefaultInstanceName, in.IamRole, limit,
		expires.Unix(), s.now().Unix(), tags)
	return &createActivationOutput{id, code}, err
}

func (s *Service) newActivation() (id, code string, err error) {
	b, err := s.random(31)
	if err != nil {
		return "", "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]), base64.StdEncoding.EncodeToString(b[16:]), nil
}

func hashOf(code string) []byte {
	sum := sha256.Sum256([]byte(code))
	return sum[:]
}

type (
	activationFilter struct {
		FilterKey    string
		FilterValues []string
	}
	describeActivationsInput struct {
		Filters    []activationFilter
		MaxResults *int
		NextToken  string
	}
	activationShape struct {
		ActivationId, Description, DefaultInstanceName, IamRole string
		RegistrationLimit, RegistrationsCount                   int
		ExpirationDate                                          time.Time
		Expired                                                 bool
		CreatedDate                                             time.Time
		Tags                                                    []tag `json:",omitempty"`
	}
	describeActivationsOutput struct {
		ActivationList []activationShape
		NextToken      string `json:",omitempty"`
	}
)

func describeActivationsAccess(_ context.Context, _ *gateway.Call, in *describeActivationsInput) ([]gateway.Access, error) {
	if n := in.MaxResults; n != nil && (*n < 1 || *n > 50) {
		return nil, violated(*n, "maxResults", "Member must have value between 1 and 50")
	}
	for i, f := range in.Filters {
		if !slices.Contains([]string{"ActivationIds", "DefaultInstanceName", "IamRole"}, f.FilterKey) {
			return nil, violated(f.FilterKey, "filters."+strconv.Itoa(i+1)+".member.filterKey",
				"Member must satisfy enum value set: [ActivationIds, DefaultInstanceName, IamRole]")
		}
	}
	return []gateway.Access{{}}, nil
}

func (a *activation) passes(filters []activationFilter) bool {
	value := map[string]string{"ActivationIds": a.id, "DefaultInstanceName": a.name, "IamRole": a.role}
	return !slices.ContainsFunc(filters, func(f activationFilter) bool {
		return !slices.Contains(f.FilterValues, value[f.FilterKey])
	})
}

// describeActivations lists the activations of the account and region by id. A page's token is the id it ends with.
func (s *Service) describeActivations(ctx context.Context, c *gateway.Call, in *describeActivationsInput) (*describeActivationsOutput, error) {
	if in.NextToken != "" && !activationID.MatchString(in.NextToken) {
		return nil, fault("InvalidNextToken", "The specified token isn't valid.")
	}
	all, err := list(ctx, s.db, scanActivation, `SELECT `+activationColumns+` FROM hybrid_activation
		WHERE account = ? AND region = ? AND id > ? ORDER BY id`, c.Caller.Account, c.Region, in.NextToken)
	if err != nil {
		return nil, err
	}
	limit := 50
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	out := &describeActivationsOutput{ActivationList: []activationShape{}}
	for _, a := range all {
		if !a.passes(in.Filters) {
			continue
		}
		if len(out.ActivationList) == limit {
			out.NextToken = out.ActivationList[limit-1].ActivationId
			break
		}
		out.ActivationList = append(out.ActivationList, activationShape{
			a.id, a.description, a.name, a.role, a.limit, a.registrations, a.expires, !s.now().Before(a.expires), a.created, a.tags,
		})
	}
	return out, nil
}

type deleteActivationInput struct{ ActivationId string }

func deleteActivationAccess(_ context.Context, _ *gateway.Call, in *deleteActivationInput) ([]gateway.Access, error) {
	if !activationID.MatchString(in.ActivationId) {
		return nil, violated(in.ActivationId, "activationId", "Member must satisfy regular expression pattern: "+activationID.String())
	}
	return []gateway.Access{{}}, nil
}

// deleteActivation leaves the nodes that registered with it.
func (s *Service) deleteActivation(ctx context.Context, c *gateway.Call, in *deleteActivationInput) (*struct{}, error) {
	done, err := change(ctx, s.db, `DELETE FROM hybrid_activation WHERE account = ? AND region = ? AND id = ?`,
		c.Caller.Account, c.Region, in.ActivationId)
	if err == nil && !done {
		err = fault("InvalidActivation", "The activation %s isn't valid.", in.ActivationId)
	}
	return &struct{}{}, err
}

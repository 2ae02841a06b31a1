package ec2

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Profile is an instance profile as IAM knows it.
type Profile struct{ ARN, ID, RoleARN string }

// Profiles knows the instance profiles. The local IAM does.
type Profiles interface {
	// InstanceProfile finds a profile of an account by its name; ok is false when there is none.
	InstanceProfile(ctx context.Context, account, name string) (p Profile, ok bool, err error)
}

// profileInput is IamInstanceProfileSpecification.
type profileInput struct{ Arn, Name string }

var profileARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):instance-profile/([!-~]*/)?([\w+=,.@-]{1,128})$`)

// find looks up the profile that a request names; ok is false when there is none, or the ARN is another one's.
func (s *Service) find(ctx context.Context, c *gateway.Call, in *profileInput) (p Profile, ok bool, err error) {
	name := in.Name
	if in.Arn != "" {
		m := profileARN.FindStringSubmatch(in.Arn)
		if m == nil || m[1] != c.Caller.Account || name != "" && name != m[3] {
			return Profile{}, false, nil
		}
		name = m[3]
	}
	if s.profiles == nil || name == "" {
		return Profile{}, false, nil
	}
	p, ok, err = s.profiles.InstanceProfile(ctx, c.Caller.Account, name)
	return p, ok && (in.Arn == "" || p.ARN == in.Arn), err
}

// mustFind is find with AWS's error.
func (s *Service) mustFind(ctx context.Context, c *gateway.Call, in *profileInput) (Profile, error) {
	p, ok, err := s.find(ctx, c, in)
	switch {
	case err != nil:
		return Profile{}, err
	case !ok && in.Arn != "":
		return Profile{}, invalidValue(fmt.Sprintf("Value (%s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN", in.Arn))
	case !ok:
		return Profile{}, invalidValue(fmt.Sprintf("Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name", in.Name))
	case p.RoleARN == "":
		return Profile{}, invalidValue(fmt.Sprintf("IAM Instance Profile \"%s\" has no associated IAM Roles", p.ARN))
	}
	return p, nil
}

// passRole is the permission to hand the profile's role to EC2; none when the request will fail for want of a role.
func (s *Service) passRole(ctx context.Context, c *gateway.Call, in *profileInput) (needs []gateway.Access, profile string, err error) {
	if in == nil {
		return nil, "", nil
	}
	p, ok, err := s.find(ctx, c, in)
	if err != nil || !ok || p.RoleARN == "" {
		return nil, p.ARN, err
	}
	return []gateway.Access{{Action: "iam:PassRole", Resource: p.RoleARN,
		Context: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}}}, p.ARN, nil
}

// associationItem is an IamInstanceProfileAssociation on the wire.
type associationItem struct {
	AssociationID string       `xml:"associationId"`
	InstanceID    string       `xml:"instanceId"`
	Profile       profileItem  `xml:"iamInstanceProfile"`
	State         string       `xml:"state"`
	Timestamp     gateway.Time `xml:"timestamp"`
}

type associationOutput struct {
	Association associationItem `xml:"iamInstanceProfileAssociation"`
}

type associateInput struct {
	InstanceId         string
	IamInstanceProfile *profileInput
}

type associationInput struct {
	AssociationId      string
	IamInstanceProfile *profileInput
}

func (s *Service) associateAccess(ctx context.Context, c *gateway.Call, in *associateInput) ([]gateway.Access, error) {
	if in.InstanceId == "" {
		return nil, missing("InstanceId")
	}
	if in.IamInstanceProfile == nil {
		return nil, missing("IamInstanceProfile")
	}
	pass, profile, err := s.passRole(ctx, c, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	needs, err := s.onInstances(ctx, c, []string{in.InstanceId}, newProfile(profile))
	return append(needs, pass...), err
}

func newProfile(arn string) map[string][]string {
	if arn == "" {
		return nil
	}
	return map[string][]string{"ec2:NewInstanceProfile": {arn}}
}

func (s *Service) associate(ctx context.Context, c *gateway.Call, in *associateInput) (*associationOutput, error) {
	p, err := s.mustFind(ctx, c, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	id, err := s.newID("iip-assoc-")
	if err != nil {
		return nil, err
	}
	return s.onAssociation(ctx, c, in.InstanceId, "associating", func(i *Instance) error {
		if i.ProfileARN != "" {
			return fault("IncorrectState", "There is an existing association for instance "+i.ID)
		}
		if i.State != Running && i.State != Stopped && i.State != Pending {
			return fault("IncorrectInstanceState", "The instance '"+i.ID+"' is not in the 'running' or 'stopped' states.")
		}
		i.associate(p, id, s.now())
		return nil
	})
}

func (s *Service) replaceAssociation(ctx context.Context, c *gateway.Call, in *associationInput) (*associationOutput, error) {
	p, err := s.mustFind(ctx, c, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	instance, err := s.associated(ctx, c, in.AssociationId)
	if err != nil {
		return nil, err
	}
	id, err := s.newID("iip-assoc-")
	if err != nil {
		return nil, err
	}
	return s.onAssociation(ctx, c, instance.ID, "associating", func(i *Instance) error {
		if i.associationID() != in.AssociationId {
			return noAssociation(in.AssociationId)
		}
		i.associate(p, id, s.now())
		return nil
	})
}

func (s *Service) disassociate(ctx context.Context, c *gateway.Call, in *associationInput) (*associationOutput, error) {
	instance, err := s.associated(ctx, c, in.AssociationId)
	if err != nil {
		return nil, err
	}
	out := associationOutput{association(instance, "disassociating")}
	_, err = s.onAssociation(ctx, c, instance.ID, "", func(i *Instance) error {
		if i.associationID() != in.AssociationId {
			return noAssociation(in.AssociationId)
		}
		i.associate(Profile{}, "", s.now())
		return nil
	})
	return &out, err
}

func (s *Service) onAssociation(ctx context.Context, c *gateway.Call, id, state string, f func(*Instance) error) (*associationOutput, error) {
	changed, _, err := s.applyAll(ctx, c, []string{id}, f)
	if err != nil {
		return nil, err
	}
	return &associationOutput{association(changed[0], state)}, s.tell(ctx, changed)
}

// associationAccess: the association's instance; one that is not there is authorised as any instance.
func (s *Service) associationAccess(ctx context.Context, c *gateway.Call, in *associationInput) ([]gateway.Access, error) {
	if in.AssociationId == "" {
		return nil, missing("AssociationId")
	}
	if c.Operation == "ReplaceIamInstanceProfileAssociation" && in.IamInstanceProfile == nil {
		return nil, missing("IamInstanceProfile")
	}
	pass, profile, err := s.passRole(ctx, c, in.IamInstanceProfile)
	if err != nil {
		return nil, err
	}
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(all, func(i Instance) bool { return i.associationID() == in.AssociationId })
	if n < 0 {
		return append(pass, access(c, arn(c, "instance", "*"), newProfile(profile))), nil
	}
	return append([]gateway.Access{access(c, all[n].ARN(), all[n].keys(), newProfile(profile))}, pass...), nil
}

func (s *Service) associated(ctx context.Context, c *gateway.Call, id string) (Instance, error) {
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return Instance{}, err
	}
	n := slices.IndexFunc(all, func(i Instance) bool { return i.associationID() == id })
	if n < 0 {
		return Instance{}, noAssociation(id)
	}
	return all[n], nil
}

func noAssociation(id string) error {
	return fault("InvalidAssociationID.NotFound", "An invalid association-id of '"+id+"' was given")
}

type describeAssociationsInput struct {
	AssociationId []string
	Filter        []filter
	MaxResults    int
	NextToken     string
}

type describeAssociationsOutput struct {
	Associations []associationItem `xml:"iamInstanceProfileAssociationSet"`
	NextToken    string            `xml:"nextToken,omitempty"`
}

var associationFields = map[string]func(Instance) []string{
	"instance-id": func(i Instance) []string { return []string{i.ID} },
	"state":       func(Instance) []string { return []string{"associated"} },
}

func (s *Service) describeAssociations(ctx context.Context, c *gateway.Call, in *describeAssociationsInput) (*describeAssociationsOutput, error) {
	match, err := compileFilters(in.Filter, associationFields, nil)
	if err != nil {
		return nil, err
	}
	all, err := s.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i Instance) bool { return i.associationID() == "" })
	for _, id := range in.AssociationId {
		if !slices.ContainsFunc(all, func(i Instance) bool { return i.associationID() == id }) {
			return nil, noAssociation(id)
		}
	}
	chosen := slices.DeleteFunc(all, func(i Instance) bool {
		return !match(i) || len(in.AssociationId) > 0 && !slices.Contains(in.AssociationId, i.associationID())
	})
	chosen, next, err := page(chosen, func(i Instance) string { return i.ID }, in.MaxResults, in.NextToken, len(in.AssociationId) > 0)
	if err != nil {
		return nil, err
	}
	out := &describeAssociationsOutput{Associations: []associationItem{}, NextToken: next}
	for _, i := range chosen {
		out.Associations = append(out.Associations, association(i, "associated"))
	}
	return out, nil
}

func association(i Instance, state string) associationItem {
	at := i.ProfileSince
	if at.IsZero() {
		at = i.Launched
	}
	return associationItem{i.associationID(), i.ID, profileItem{i.ProfileARN, i.ProfileID}, state, gateway.Time{Time: at}}
}

// associationID is the id of the association with the instance profile; empty when there is none.
func (i Instance) associationID() string {
	if i.ProfileARN == "" || i.State == Terminated {
		return ""
	}
	if i.Association == "" {
		return "iip-assoc-" + strings.TrimPrefix(i.ID, "i-") // of an instance that Launch made
	}
	return i.Association
}

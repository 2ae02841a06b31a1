package parameters

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// parameterOutput is a Parameter on the wire.
type parameterOutput struct {
	Name             string
	Type             string
	Value            string
	Version          int64
	Selector         string `json:",omitempty"`
	LastModifiedDate time.Time
	ARN              string
	DataType         string
}

type getInput struct {
	Name           string
	WithDecryption bool
}

type getOutput struct{ Parameter parameterOutput }

// readAccess is the permission on a parameter that is to be read. Another account's is asked for as such, and denied:
// there are no resource policies that share parameters.
func (s *Service) readAccess(ctx context.Context, c *gateway.Call, name string) (gateway.Access, error) {
	r, err := parseReference(name)
	if err != nil {
		return gateway.Access{}, err
	}
	if r.foreign(c) {
		return gateway.Access{Resource: arn(r.space(c), r.name), Account: r.account}, nil
	}
	name, err = s.find(ctx, c, r)
	if err != nil {
		return gateway.Access{}, err
	}
	return s.access(ctx, c, name, nil)
}

// find gives the name that a reference means: of a and /a, which have the same ARN, the one that is there.
func (s *Service) find(ctx context.Context, c *gateway.Call, r reference) (string, error) {
	if r.account == "" || strings.Contains(r.name, "/") {
		return r.name, nil
	}
	_, _, err := latest(ctx, s.db, r.space(c), r.name)
	if errors.Is(err, errNone) {
		return "/" + r.name, nil
	}
	return r.name, err
}

func (s *Service) getAccess(ctx context.Context, c *gateway.Call, in *getInput) ([]gateway.Access, error) {
	a, err := s.readAccess(ctx, c, in.Name)
	return []gateway.Access{a}, err
}

func (s *Service) get(ctx context.Context, c *gateway.Call, in *getInput) (*getOutput, error) {
	v, selector, err := s.lookUp(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	out, err := s.shape(ctx, c, v, selector, in.WithDecryption)
	return &getOutput{out}, err
}

// lookUp finds the version that a name with its selector means.
func (s *Service) lookUp(ctx context.Context, c *gateway.Call, text string) (version, string, error) {
	r, err := parseReference(text)
	if err != nil {
		return version{}, "", err
	}
	if r.foreign(c) {
		return version{}, "", notFound(text)
	}
	name, err := s.find(ctx, c, r)
	if err != nil {
		return version{}, "", err
	}
	if r.selector == "" {
		v, _, err := latest(ctx, s.db, r.space(c), name)
		if errors.Is(err, errNone) {
			err = notFound(text)
		}
		return v, "", err
	}
	all, err := versions(ctx, s.db, r.space(c), name)
	if err != nil {
		return version{}, "", err
	}
	if len(all) == 0 {
		return version{}, "", notFound(text)
	}
	for _, v := range all {
		if v.Version == r.version || r.version == 0 && slices.Contains(v.Labels, r.selector[1:]) {
			return v, r.selector, nil
		}
	}
	return version{}, "", fault("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", r.selector[1:], name)
}

func notFound(name string) error { return fault("ParameterNotFound", "Parameter %s not found.", name) }

// value gives the value of a version: of a secret the plain text, if that is wanted, for which the caller needs the key.
func (s *Service) value(ctx context.Context, c *gateway.Call, v version, plain bool) (string, error) {
	if v.Type != "SecureString" || !plain {
		return v.Value, nil
	}
	if err := mayUseKey(ctx, c, "kms:Decrypt", v.Name); err != nil {
		return "", err
	}
	return s.open(ctx, spaceOf(c), v.Name, v.Value)
}

func (s *Service) shape(ctx context.Context, c *gateway.Call, v version, selector string, plain bool) (parameterOutput, error) {
	value, err := s.value(ctx, c, v, plain)
	return parameterOutput{v.Name, v.Type, value, v.Version, selector, v.modified(), arn(spaceOf(c), v.Name), v.DataType}, err
}

type getManyInput struct {
	Names          []string
	WithDecryption bool
}

type getManyOutput struct {
	Parameters        []parameterOutput
	InvalidParameters []string
}

func (s *Service) getManyAccess(ctx context.Context, c *gateway.Call, in *getManyInput) ([]gateway.Access, error) {
	if err := checkCount("names", in.Names, 10); err != nil {
		return nil, err
	}
	needs := make([]gateway.Access, 0, len(in.Names))
	for i, name := range in.Names {
		if slices.Contains(in.Names[:i], name) {
			return nil, invalid("The names of parameters must be unique: %s is there twice.", name)
		}
		a, err := s.readAccess(ctx, c, name)
		if err != nil {
			return nil, err
		}
		needs = append(needs, a)
	}
	return needs, nil
}

// getMany gives what is found by name; what is not found is listed beside it.
func (s *Service) getMany(ctx context.Context, c *gateway.Call, in *getManyInput) (*getManyOutput, error) {
	out := &getManyOutput{Parameters: []parameterOutput{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		v, selector, err := s.lookUp(ctx, c, name)
		var refused *gateway.Error
		if errors.As(err, &refused) {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		if err != nil {
			return nil, err
		}
		p, err := s.shape(ctx, c, v, selector, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, p)
	}
	slices.SortFunc(out.Parameters, func(a, b parameterOutput) int { return strings.Compare(a.Name+a.Selector, b.Name+b.Selector) })
	return out, nil
}

// Resolve gives the value and the type of the parameter that {{ssm:name}} means in what a caller sends. The caller needs
// ssm:GetParameters on it, and gets AWS's error if that is denied or the parameter is not there. A SecureString comes as
// ciphertext: Run Command has no use for it, and refuses it.
func (s *Service) Resolve(ctx context.Context, c *gateway.Call, name string) (value, kind string, err error) {
	a, err := s.readAccess(ctx, c, name)
	if err != nil {
		return "", "", err
	}
	a.Action = "ssm:GetParameters"
	if err := c.Authorize(ctx, a); err != nil {
		return "", "", err
	}
	v, _, err := s.lookUp(ctx, c, name)
	if err != nil {
		return "", "", fmt.Errorf("resolve %s: %w", name, err)
	}
	return v.Value, v.Type, nil
}

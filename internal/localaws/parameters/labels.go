package parameters

import (
	"context"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// maxLabels is how many labels a version may have.
const maxLabels = 10

type labelInput struct {
	Name             string
	ParameterVersion *int64
	Labels           []string
}

type labelOutput struct {
	InvalidLabels    []string
	ParameterVersion int64
}

type unlabelOutput struct {
	RemovedLabels []string
	InvalidLabels []string
}

func (s *Service) labelAccess(ctx context.Context, c *gateway.Call, in *labelInput) ([]gateway.Access, error) {
	if err := checkCount("labels", in.Labels, maxLabels); err != nil {
		return nil, err
	}
	if in.ParameterVersion == nil && c.Operation == "UnlabelParameterVersion" {
		return nil, broken(nil, "parameterVersion", "Member must not be null")
	}
	return s.onName(ctx, c, &in.Name)
}

// goodLabel says whether a label is one: one that is not is reported, and not attached.
func goodLabel(label string) bool {
	lower := strings.ToLower(label)
	return len(label) <= 100 && labelForm.MatchString(label) && !strings.HasPrefix(lower, "aws") && !strings.HasPrefix(lower, "ssm")
}

// label attaches labels to a version. A label that another version has moves.
func (s *Service) label(ctx context.Context, c *gateway.Call, in *labelInput) (*labelOutput, error) {
	out := &labelOutput{}
	err := s.onVersion(ctx, c, in, func(all []version, at int) error {
		out.ParameterVersion, out.InvalidLabels = all[at].Version, []string{}
		for _, label := range in.Labels {
			if !goodLabel(label) {
				out.InvalidLabels = append(out.InvalidLabels, label)
				continue
			}
			for i := range all {
				all[i].Labels = slices.DeleteFunc(all[i].Labels, func(l string) bool { return l == label })
			}
			all[at].Labels = append(all[at].Labels, label)
		}
		slices.Sort(all[at].Labels)
		if len(all[at].Labels) > maxLabels {
			return fault("ParameterVersionLabelLimitExceeded", "A parameter version can have a maximum of %d labels. Move one or more labels to another version and try again.", maxLabels)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) unlabel(ctx context.Context, c *gateway.Call, in *labelInput) (*unlabelOutput, error) {
	out := &unlabelOutput{}
	err := s.onVersion(ctx, c, in, func(all []version, at int) error {
		out.RemovedLabels, out.InvalidLabels = []string{}, []string{}
		for _, label := range in.Labels {
			if !slices.Contains(all[at].Labels, label) {
				out.InvalidLabels = append(out.InvalidLabels, label)
				continue
			}
			out.RemovedLabels = append(out.RemovedLabels, label)
			all[at].Labels = slices.DeleteFunc(all[at].Labels, func(l string) bool { return l == label })
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// onVersion changes the labels of the versions of a parameter: at is the one that the request means.
func (s *Service) onVersion(ctx context.Context, c *gateway.Call, in *labelInput, change func(all []version, at int) error) error {
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		all, err := versions(ctx, tx, spaceOf(c), in.Name)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return notFound(in.Name)
		}
		at := len(all) - 1
		if in.ParameterVersion != nil {
			at = slices.IndexFunc(all, func(v version) bool { return v.Version == *in.ParameterVersion })
		}
		if at < 0 {
			return fault("ParameterVersionNotFound", "Systems Manager could not find version %d of %s. Verify the version and try again.", *in.ParameterVersion, in.Name)
		}
		if err := change(all, at); err != nil {
			return err
		}
		for _, v := range all {
			if err := save(ctx, tx, spaceOf(c), v); err != nil {
				return err
			}
		}
		return nil
	})
}

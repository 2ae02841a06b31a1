package parameters

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

type historyInput struct {
	Name           string
	WithDecryption bool
	MaxResults     *int
	NextToken      string
}

type historyItem struct {
	Name             string
	Type             string
	KeyId            string `json:",omitempty"`
	LastModifiedDate time.Time
	LastModifiedUser string
	Description      string `json:",omitempty"`
	Value            string
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Labels           []string
	Tier             string
	Policies         []struct{}
	DataType         string
}

type historyOutput struct {
	Parameters []historyItem
	NextToken  string `json:",omitempty"`
}

func (s *Service) historyAccess(ctx context.Context, c *gateway.Call, in *historyInput) ([]gateway.Access, error) {
	if err := checkBetween("maxResults", in.MaxResults, 1, 50); err != nil {
		return nil, err
	}
	return s.onName(ctx, c, &in.Name)
}

// onName is the access check of an operation on a parameter by its plain name.
func (s *Service) onName(ctx context.Context, c *gateway.Call, name *string) (needs []gateway.Access, err error) {
	if *name, err = plainName(*name); err != nil {
		return nil, err
	}
	a, err := s.access(ctx, c, *name, nil)
	return []gateway.Access{a}, err
}

// history lists the versions, the oldest first.
func (s *Service) history(ctx context.Context, c *gateway.Call, in *historyInput) (*historyOutput, error) {
	position, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	after := int64(0)
	if position != "" {
		if after, err = strconv.ParseInt(position, 10, 64); err != nil {
			return nil, fault("InvalidNextToken", "The specified token isn't valid.")
		}
	}
	all, err := versions(ctx, s.db, spaceOf(c), in.Name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, notFound(in.Name)
	}
	all = slices.DeleteFunc(all, func(v version) bool { return v.Version <= after })
	out := &historyOutput{Parameters: []historyItem{}}
	if limit := limitOr(in.MaxResults, 50); len(all) > limit {
		all = all[:limit]
		out.NextToken = pageToken(strconv.FormatInt(all[limit-1].Version, 10))
	}
	for _, v := range all {
		value, err := s.value(ctx, c, v, in.WithDecryption)
		if err != nil {
			return nil, err
		}
		labels := v.Labels
		if labels == nil {
			labels = []string{}
		}
		out.Parameters = append(out.Parameters, historyItem{v.Name, v.Type, v.KeyID, v.modified(), v.User, v.About, value, v.Pattern, v.Version,
			labels, v.Tier, []struct{}{}, v.DataType})
	}
	return out, nil
}

package parameters

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// stringFilter is a ParameterStringFilter.
type stringFilter struct {
	Key, Option string
	Values      []string
}

type byPathInput struct {
	Path             string
	Recursive        bool
	ParameterFilters []stringFilter
	WithDecryption   bool
	MaxResults       *int
	NextToken        string
}

type byPathOutput struct {
	Parameters []parameterOutput
	NextToken  string `json:",omitempty"`
}

// path is the path of the request without a slash at its end; the root is empty.
func (in *byPathInput) path() (string, error) {
	p := strings.Trim(in.Path, " ")
	switch {
	case p == "":
		return "", broken(nil, "path", "Member must not be null")
	case p[0] != '/' || p != "/" && !nameForm.MatchString(p) || strings.Contains(p, "//"):
		return "", invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It %s.", nameRules)
	case strings.Count(strings.TrimSuffix(p, "/"), "/") > maxLevels:
		return "", fault("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	}
	return strings.TrimSuffix(p, "/"), nil
}

// byPathAccess: the path alone decides, not the parameters below it.
func (s *Service) byPathAccess(_ context.Context, c *gateway.Call, in *byPathInput) ([]gateway.Access, error) {
	path, err := in.path()
	if err != nil {
		return nil, err
	}
	if err := checkBetween("maxResults", in.MaxResults, 1, 10); err != nil {
		return nil, err
	}
	if err := checkFilters(in.ParameterFilters, pathKeys); err != nil {
		return nil, err
	}
	return []gateway.Access{{Resource: arn(spaceOf(c), path), Context: map[string][]string{"ssm:Recursive": {strconv.FormatBool(in.Recursive)}}}}, nil
}

func (s *Service) byPath(ctx context.Context, c *gateway.Call, in *byPathInput) (*byPathOutput, error) {
	path, err := in.path()
	if err != nil {
		return nil, err
	}
	after, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	all, err := s.below(ctx, c, path, in.ParameterFilters)
	if err != nil {
		return nil, err
	}
	out := &byPathOutput{Parameters: []parameterOutput{}}
	for _, v := range all {
		rest := strings.TrimPrefix(v.Name, path+"/")
		if v.Name <= after || !in.Recursive && strings.Contains(rest, "/") {
			continue
		}
		if len(out.Parameters) == limitOr(in.MaxResults, 10) {
			out.NextToken = pageToken(out.Parameters[len(out.Parameters)-1].Name)
			break
		}
		p, err := s.shape(ctx, c, v, "", in.WithDecryption)
		if err != nil {
			return nil, err
		}
		out.Parameters = append(out.Parameters, p)
	}
	return out, nil
}

// below gives the newest versions of the parameters below a path, or those with a label if that is asked for.
func (s *Service) below(ctx context.Context, c *gateway.Call, path string, filters []stringFilter) ([]version, error) {
	at := spaceOf(c)
	query := `SELECT v.content FROM parameters_version v JOIN parameters_name n USING (account, region, name, version)
		WHERE account = ? AND region = ? AND name > ? AND name < ? ORDER BY name`
	if slices.ContainsFunc(filters, func(f stringFilter) bool { return f.Key == "Label" }) {
		query = `SELECT content FROM parameters_version WHERE account = ? AND region = ? AND name > ? AND name < ? ORDER BY name, version`
	}
	rows, err := s.db.QueryContext(ctx, query, at.account, at.region, path+"/", path+"0") // 0 follows /
	all, err := scan(rows, err)
	return slices.DeleteFunc(all, func(v version) bool { return !allMatch(filters, v, nil) }), err
}

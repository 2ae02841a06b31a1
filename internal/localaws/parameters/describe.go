package parameters

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// keyOptions are the options of a filter key; the first is the default.
type keyOptions map[string][]string

var (
	pathKeys     = keyOptions{"Type": {"Equals", "BeginsWith"}, "KeyId": {"Equals", "BeginsWith"}, "Label": {"Equals"}}
	describeKeys = keyOptions{"Name": {"Equals", "BeginsWith", "Contains"}, "Type": {"Equals", "BeginsWith"}, "KeyId": {"Equals", "BeginsWith"},
		"Path": {"OneLevel", "Recursive"}, "Tier": {"Equals", "BeginsWith"}, "DataType": {"Equals", "BeginsWith"}, "tag:": {"Equals", "BeginsWith"}}
)

// checkFilters holds filters to the keys and options that an operation has.
func checkFilters(filters []stringFilter, keys keyOptions) error {
	for i, f := range filters {
		path := fmt.Sprintf("parameterFilters.%d.member.", i+1)
		name := f.Key
		if strings.HasPrefix(name, "tag:") && len(name) > len("tag:") {
			name = "tag:"
		}
		options, ok := keys[name]
		switch {
		case f.Key == "":
			return broken(nil, path+"key", "Member must not be null")
		case !ok:
			return fault("InvalidFilterKey", "The following filter key is not valid: %s. Valid filter keys include: [%s].", f.Key, keys)
		case f.Option != "" && !slices.Contains(options, f.Option):
			return fault("InvalidFilterOption", "The following filter option is not valid: %s. Valid options include: [%s].", f.Option, strings.Join(options, ", "))
		case len(f.Values) == 0 && name != "tag:":
			return fault("InvalidFilterValue", "The following filter values are missing : null for filter key %s", f.Key)
		case len(f.Values) > 50:
			return broken(len(f.Values), path+"values", "Member must have length less than or equal to 50")
		}
		for _, v := range f.Values {
			if name == "Path" && !strings.HasPrefix(v, "/") {
				return invalid("The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\". It %s.", nameRules)
			}
		}
	}
	return nil
}

// String lists the keys.
func (k keyOptions) String() string {
	var names []string
	for name := range k {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// allMatch says whether a version satisfies all filters; of the values of one any may.
func allMatch(filters []stringFilter, v version, tags map[string]string) bool {
	for _, f := range filters {
		if !f.match(v, tags) {
			return false
		}
	}
	return true
}

func (f stringFilter) match(v version, tags map[string]string) bool {
	if key, ok := strings.CutPrefix(f.Key, "tag:"); ok {
		value, has := tags[key]
		return has && (len(f.Values) == 0 || f.any(value))
	}
	switch f.Key {
	case "Label":
		return slices.ContainsFunc(v.Labels, f.any)
	case "Path":
		return slices.ContainsFunc(f.Values, func(path string) bool {
			rest, ok := strings.CutPrefix(v.Name, strings.TrimSuffix(path, "/")+"/")
			return ok && (f.Option == "Recursive" || !strings.Contains(rest, "/"))
		})
	}
	return f.any(map[string]string{"Name": v.Name, "Type": v.Type, "KeyId": v.KeyID, "Tier": v.Tier, "DataType": v.DataType}[f.Key])
}

// any says whether any of the filter's values fits.
func (f stringFilter) any(have string) bool {
	return slices.ContainsFunc(f.Values, func(want string) bool {
		switch f.Option {
		case "BeginsWith":
			return strings.HasPrefix(have, want)
		case "Contains":
			return strings.Contains(have, want)
		}
		return have == want
	})
}

type describeInput struct {
	Filters []struct {
		Key    string
		Values []string
	}
	ParameterFilters []stringFilter
	MaxResults       *int
	NextToken        string
	Shared           bool
}

type metadataOutput struct {
	Name             string
	ARN              string
	Type             string
	KeyId            string `json:",omitempty"`
	LastModifiedDate time.Time
	LastModifiedUser string
	Description      string `json:",omitempty"`
	AllowedPattern   string `json:",omitempty"`
	Version          int64
	Tier             string
	Policies         []struct{}
	DataType         string
}

type describeOutput struct {
	Parameters []metadataOutput
	NextToken  string `json:",omitempty"`
}

// describeAccess: the action has no resource types.
func describeAccess(_ context.Context, _ *gateway.Call, in *describeInput) ([]gateway.Access, error) {
	if len(in.Filters) > 0 && len(in.ParameterFilters) > 0 {
		return nil, invalid("You can use either Filters or ParameterFilters in a single request.")
	}
	if in.Shared {
		return nil, invalid("The local AWS shares no parameters between accounts.")
	}
	for _, f := range in.Filters {
		if err := checkEnum("filters.key", f.Key, "Name", "Type", "KeyId"); err != nil {
			return nil, err
		}
	}
	if err := checkFilters(in.filters(), describeKeys); err != nil {
		return nil, err
	}
	return []gateway.Access{{}}, checkBetween("maxResults", in.MaxResults, 1, 50)
}

// filters are those of either form. Names in the older one are beginnings.
func (in *describeInput) filters() []stringFilter {
	all := slices.Clone(in.ParameterFilters)
	for _, f := range in.Filters {
		option := "Equals"
		if f.Key == "Name" {
			option = "BeginsWith"
		}
		all = append(all, stringFilter{f.Key, option, f.Values})
	}
	return all
}

func (s *Service) describe(ctx context.Context, c *gateway.Call, in *describeInput) (*describeOutput, error) {
	after, err := pagePosition(in.NextToken)
	if err != nil {
		return nil, err
	}
	at := spaceOf(c)
	rows, err := s.db.QueryContext(ctx, `SELECT v.content, n.tags FROM parameters_name n JOIN parameters_version v USING (account, region, name, version)
		WHERE account = ? AND region = ? AND name > ? ORDER BY name`, at.account, at.region, after)
	if err != nil {
		return nil, fmt.Errorf("list parameters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := &describeOutput{Parameters: []metadataOutput{}}
	filters := in.filters()
	for rows.Next() {
		var content, text string
		var v version
		var tags map[string]string
		if err := rows.Scan(&content, &text); err != nil {
			return nil, fmt.Errorf("list parameters: %w", err)
		}
		if err := json.Unmarshal([]byte(content), &v); err != nil {
			return nil, fmt.Errorf("list parameters: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &tags); err != nil {
			return nil, fmt.Errorf("list parameters: %w", err)
		}
		if !allMatch(filters, v, tags) {
			continue
		}
		if len(out.Parameters) == limitOr(in.MaxResults, 50) {
			out.NextToken = pageToken(out.Parameters[len(out.Parameters)-1].Name)
			break
		}
		out.Parameters = append(out.Parameters, metadataOutput{Name: v.Name, ARN: arn(at, v.Name), Type: v.Type, KeyId: v.KeyID, LastModifiedDate: v.modified(),
			LastModifiedUser: v.User, Description: v.About, AllowedPattern: v.Pattern, Version: v.Version, Tier: v.Tier, Policies: []struct{}{}, DataType: v.DataType})
	}
	return out, rows.Err()
}

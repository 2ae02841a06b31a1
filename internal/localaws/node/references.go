package node

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// StoreParameter is a parameter as Parameter Store gives it.
type StoreParameter struct {
	Name, Value string
	Type        string // String, StringList or SecureString
	Selector    string // :3 or :label where one was asked for
}

// storeReference is what the agent takes for a reference to Parameter Store; the name may end in a version or a label.
var storeReference = regexp.MustCompile(`{{ *ssm:([/\w.:-]+) *}}`)

// maxNames is how many parameters may be read at once.
const maxNames = 10

// references puts parameters in the place of what refers to them, as the agent does. The nil one leaves all as it is.
type references struct {
	read  func(names []string) ([]StoreParameter, error)
	known map[string]StoreParameter
}

// newReferences reads parameters with read, which may be nil.
func newReferences(ctx context.Context, read func(context.Context, []string) ([]StoreParameter, error)) *references {
	if read == nil {
		return nil
	}
	return &references{known: map[string]StoreParameter{},
		read: func(names []string) ([]StoreParameter, error) { return read(ctx, names) }}
}

// resolve gives decoded JSON with all references replaced.
func (r *references) resolve(input any) (any, error) {
	if r == nil {
		return input, nil
	}
	unknown := map[string]bool{}
	eachString(input, func(s string) {
		for _, m := range storeReference.FindAllStringSubmatch(s, -1) {
			if _, known := r.known[m[1]]; !known {
				unknown[m[1]] = true
			}
		}
	})
	for names := range slices.Chunk(slices.Sorted(maps.Keys(unknown)), maxNames) {
		if err := r.load(names); err != nil {
			return nil, err
		}
	}
	return r.replace(input)
}

// load reads parameters, all of which must be there.
func (r *references) load(names []string) error {
	found, err := r.read(names)
	if err != nil {
		return err
	}
	var missing, secret []string
	for _, name := range names {
		i := slices.IndexFunc(found, func(p StoreParameter) bool {
			return strings.TrimPrefix(p.Name+p.Selector, "/") == strings.TrimPrefix(name, "/")
		})
		switch {
		case i < 0:
			missing = append(missing, name)
		case found[i].Type == "SecureString":
			secret = append(secret, name)
		default:
			r.known[name] = found[i]
		}
	}
	switch {
	case len(missing) > 0:
		//lint:ignore ST1005 the agent's text
		return fmt.Errorf("Input contains invalid parameters %v", missing)
	case len(secret) > 0:
		//lint:ignore ST1005 the agent's text
		return fmt.Errorf("Parameters %v of type SecureString are not supported", secret)
	}
	return nil
}

func (r *references) replace(input any) (any, error) {
	switch input := input.(type) {
	case string:
		return r.replaceText(input)
	case []any:
		return r.replaceList(input)
	case map[string]any:
		out := make(map[string]any, len(input))
		for key, item := range input {
			var err error
			if out[key], err = r.replace(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return input, nil
}

// replaceList also puts the elements of a StringList in the place of one that is nothing but a reference to it.
func (r *references) replaceList(input []any) (any, error) {
	out := make([]any, 0, len(input))
	for _, item := range input {
		if s, ok := item.(string); ok {
			s = strings.TrimSpace(s)
			m := storeReference.FindStringSubmatch(s)
			if m != nil && m[0] == s && r.known[m[1]].Type == typeStringList {
				for _, element := range strings.Split(r.known[m[1]].Value, ",") {
					out = append(out, element)
				}
				continue
			}
		}
		one, err := r.replace(item)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (r *references) replaceText(s string) (string, error) {
	var err error
	s = storeReference.ReplaceAllStringFunc(s, func(reference string) string {
		p := r.known[storeReference.FindStringSubmatch(reference)[1]]
		if p.Type == typeStringList {
			//lint:ignore ST1005 the agent's text
			err = fmt.Errorf("Parameter %s of type StringList cannot be used as a String", p.Name)
		}
		return p.Value
	})
	return s, err
}

// eachString calls f with every string in decoded JSON, in a fixed order.
func eachString(input any, f func(string)) {
	switch input := input.(type) {
	case string:
		f(input)
	case []any:
		for _, item := range input {
			eachString(item, f)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(input)) {
			eachString(input[key], f)
		}
	}
}

// parameters reads parameters with the node's role.
func (n *Node) parameters(ctx context.Context, names []string) ([]StoreParameter, error) {
	var out struct{ Parameters []StoreParameter }
	err := n.client.call(ctx, ssmAPI, "GetParameters", callTimeout, map[string]any{"Names": names}, &out)
	return out.Parameters, err
}

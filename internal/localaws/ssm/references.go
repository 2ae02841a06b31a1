package ssm

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// ParameterStore knows the parameters that a command may refer to. The local Parameter Store is one.
type ParameterStore interface {
	// ParameterType is String, StringList or SecureString; empty when the account has no parameter of that name. A name
	// may end in a version or a label: name:3.
	ParameterType(ctx context.Context, account, region, name string) (string, error)
}

// storeReference is {{ssm:name}}, which the agent replaces by the value of a parameter that it reads as the node.
var storeReference = regexp.MustCompile(`\{\{\s*ssm:([^}\s]*)\s*\}\}`)

// storeReferences lists the names that values refer to, each once, in order.
func storeReferences(parameters map[string][]string) []string {
	names := map[string]bool{}
	for _, values := range parameters {
		for _, value := range values {
			if !strings.Contains(value, "ssm:") {
				continue
			}
			for _, m := range storeReference.FindAllStringSubmatch(value, -1) {
				names[m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// storeAccess is the access to a parameter that a command refers to.
// uncertain: whether AWS demands it of the sender besides the node, who reads the value.
func storeAccess(c *gateway.Call, name string) gateway.Access {
	name, _, _ = strings.Cut(name, ":")
	return gateway.Access{Action: "ssm:GetParameters",
		Resource: "arn:aws:ssm:" + c.Region + ":" + c.Caller.Account + ":parameter/" + strings.TrimPrefix(name, "/")}
}

// checkStoreReferences wants parameters that exist, and none that is secret: the agent does not put secrets into scripts.
func (s *Service) checkStoreReferences(ctx context.Context, c *gateway.Call, names []string) error {
	for _, name := range names {
		kind := ""
		if s.parameters != nil {
			var err error
			if kind, err = s.parameters.ParameterType(ctx, c.Caller.Account, c.Region, name); err != nil {
				return err
			}
		}
		switch kind {
		case "":
			return fault("InvalidParameters", "Parameter Store has no parameter %q.", name)
		case "SecureString":
			return fault("InvalidParameters", "The parameter %q is a SecureString; a command can refer to String and StringList only.", name)
		}
	}
	return nil
}

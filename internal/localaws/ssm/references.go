package ssm

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// ParameterStore knows the parameters that a command may refer to. The local Parameter Store is one.
type ParameterStore interface {
	// Resolve gives the value and the type (String, StringList, SecureString) of the parameter that {{ssm:name}} means, for
	// a caller who may read it; a name may end in a version or a label: name:3. What is wrong is a [gateway.Error].
	Resolve(ctx context.Context, c *gateway.Call, name string) (value, kind string, err error)
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

// checkStoreReferences wants parameters that exist and that the sender may read, and none that is secret: the agent does
// not put secrets into scripts.
// uncertain: whether AWS demands ssm:GetParameters of the sender besides the node, who reads the value.
func (s *Service) checkStoreReferences(ctx context.Context, c *gateway.Call, names []string) error {
	for _, name := range names {
		if s.parameters == nil {
			return noParameter(name)
		}
		_, kind, err := s.parameters.Resolve(ctx, c, name)
		var fault *gateway.Error
		if errors.As(err, &fault) && strings.HasPrefix(fault.Code, "Parameter") {
			return noParameter(name)
		}
		if err != nil {
			return err
		}
		if kind == "SecureString" {
			return badParameters("The parameter %q is a SecureString; a command can refer to String and StringList only.", name)
		}
	}
	return nil
}

func noParameter(name string) error {
	return badParameters("Parameter Store has no parameter %q.", name)
}

func badParameters(format string, args ...any) error {
	return fault("InvalidParameters", format, args...)
}

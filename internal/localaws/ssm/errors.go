package ssm

import (
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// fault is an error of the service, in the words it has for the caller.
func fault(code, format string, args ...any) error {
	return &gateway.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// denied is an authorisation failure that no policy decides: a node acting as another node.
func denied(c *gateway.Call, action, resource string) error {
	return fault("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s",
		c.Caller.ARN, action, resource)
}

package render

import (
	"fmt"

	"github.com/slipway-cd/slipway/internal/roles"
)

// Organization gives the template of the set's service control policies (R53): organization.yaml, for the account that
// manages the organization.
func Organization(s *roles.Set, o Options) (map[string][]byte, error) {
	const file = "organization.yaml"
	lines := []string{
		"Service control policies for the accounts of " + o.App + ". slipway renders this file: change the release file, not this.",
		"",
		"  aws cloudformation deploy --stack-name " + o.App + "-organization --template-file " + file + " \\",
		"    --parameter-overrides Targets=ou-…",
		"",
	}
	lines = append(lines, roles.Wrap("For the account that manages the organization; the policies limit every account below the targets, but neither that account "+
		"nor service-linked roles. They are samples: read whom they leave alone, and try them on one account first.", 112)...)
	t := newTemplate(o, lines, "Service control policies for the accounts of "+o.App+", rendered by slipway")
	add(t.parameters, "Targets", object("Type", text("CommaDelimitedList"), "Description", text("The ids of the units or accounts that the policies are for")))
	for _, p := range s.SCPs {
		t.resource(t.names.of("scp", p.Name), "AWS::Organizations::Policy", "", "", nil, object(
			"Name", text(o.App+"-"+p.Name), "Type", text("SERVICE_CONTROL_POLICY"), "TargetIds", tagged("!Ref", text("Targets")),
			"Content", document(p.Document, p.Notes),
		))
	}
	out, err := t.print()
	if err != nil {
		return nil, fmt.Errorf("organization: %w", err)
	}
	return map[string][]byte{file: out}, nil
}

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/rehearse"
)

// describe lists what a local AWS was given, or holds from before when l is nil: accounts, roles, nodes.
func describe(ctx context.Context, w io.Writer, aws *localaws.AWS, l *loaded) error {
	if l == nil {
		return describeHeld(ctx, w, aws)
	}
	for _, stage := range l.plan.Stages {
		names := make([]string, len(stage.Roles))
		for i, role := range stage.Roles {
			names[i] = role.Name
		}
		describePlace(w, stage.Account, stage.Region, names, rehearse.InstanceIDs(l.release, l.plan.App, stage))
	}
	return nil
}

func describeHeld(ctx context.Context, w io.Writer, aws *localaws.AWS) error {
	held, err := aws.Holdings(ctx)
	for _, h := range held {
		if len(h.Nodes) == 0 {
			describePlace(w, h.Account, "", h.Roles, nil)
		}
		for _, n := range h.Nodes {
			describePlace(w, h.Account, n.Region, h.Roles, n.IDs)
		}
	}
	return err
}

func describePlace(w io.Writer, account, region string, roles, nodes []string) {
	if region != "" {
		account += ", " + region
	}
	_, _ = fmt.Fprintf(w, "  account %s: roles %s; nodes %s\n", account, orNone(roles), orNone(slices.Sorted(slices.Values(nodes))))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

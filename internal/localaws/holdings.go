package localaws

import (
	"context"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// Holding is what an account of the state has.
type Holding struct {
	Account string
	Roles   []string // their names, sorted
	Nodes   []RegionNodes
}

// RegionNodes are an account's instances in a region, but for those that are gone.
type RegionNodes struct {
	Region string
	IDs    []string
}

// Holdings lists what the state has: nothing in a new data directory. Accounts are in the order in which they were made.
func (a *AWS) Holdings(ctx context.Context) ([]Holding, error) {
	accounts, err := a.iam.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := a.ec2.All(ctx)
	if err != nil {
		return nil, err
	}
	held := make([]Holding, len(accounts))
	for i, account := range accounts {
		roles, err := a.iam.RoleNames(ctx, account)
		if err != nil {
			return nil, err
		}
		held[i] = Holding{Account: account, Roles: roles, Nodes: nodesOf(account, instances)}
	}
	return held, nil
}

func nodesOf(account string, instances []ec2.Instance) []RegionNodes {
	var nodes []RegionNodes
	for _, instance := range instances {
		if instance.Account != account || instance.State == ec2.Terminated || instance.State == ec2.ShuttingDown {
			continue
		}
		at := slices.IndexFunc(nodes, func(n RegionNodes) bool { return n.Region == instance.Region })
		if at < 0 {
			at = len(nodes)
			nodes = append(nodes, RegionNodes{Region: instance.Region})
		}
		nodes[at].IDs = append(nodes[at].IDs, instance.ID)
	}
	return nodes
}

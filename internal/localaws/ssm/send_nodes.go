package ssm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// nodeAccess is SendCommand on one node, with both spellings of its tags.
func nodeAccess(c *gateway.Call, id string, tags map[string]string) gateway.Access {
	keys := make(map[string][]string, 2*len(tags))
	for k, v := range tags {
		keys["ssm:resourceTag/"+k] = []string{v}
		keys["aws:ResourceTag/"+k] = []string{v}
	}
	return gateway.Access{Action: "ssm:SendCommand", Resource: nodeARN(c.Caller.Account, c.Region, id), Context: keys}
}

// nodeARN is an EC2 instance's ARN, or that of a hybrid node.
func nodeARN(account, region, id string) string {
	if strings.HasPrefix(id, "mi-") {
		return "arn:aws:ssm:" + region + ":" + account + ":managed-instance/" + id
	}
	return "arn:aws:ec2:" + region + ":" + account + ":instance/" + id
}

// chosen is a node that a command is for, and the reason why it will never get it: "" if it will.
type chosen struct {
	id, refused string
	at          phase // set by settle
}

// chooseNodes resolves a request's nodes. What is wrong with a named node fails the request, what is wrong with
// one found through Targets ends that node's invocation.
func (s *Service) chooseNodes(ctx context.Context, c *gateway.Call, in *sendInput, doc *document) ([]chosen, error) {
	platforms := doc.platforms()
	if len(in.InstanceIds) > 0 {
		return chooseNamed(c, in.named, platforms)
	}
	nodes, err := s.managedNodes(ctx, c)
	if err != nil {
		return nil, err
	}
	var found []chosen
	for _, n := range nodes {
		if !n.targeted(in.Targets) {
			continue
		}
		ok, err := permits(ctx, c, nodeAccess(c, n.id, n.tags))
		if err != nil {
			return nil, err
		}
		one := chosen{id: n.id}
		if !ok {
			one.refused = "AccessDenied"
		} else if !slices.Contains(platforms, n.platform) {
			one.refused = "InvalidPlatform"
		}
		found = append(found, one)
	}
	return found, nil
}

// named is a node that a request names.
type named struct {
	id, platform string
	tags         map[string]string
	// known says that the machine is there, usable that its agent has reported besides.
	known, usable bool
}

// findNamed looks the nodes up that a request names, and no others: a fleet may be large.
func (s *Service) findNamed(ctx context.Context, c *gateway.Call, ids []string) ([]named, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all := make([]named, len(ids))
	for i, id := range ids {
		var err error
		if all[i], err = s.machine(ctx, c, id); err != nil {
			return nil, err
		}
		n, err := scanNode(s.db.QueryRowContext(ctx, `SELECT instance, registered, pinged, info FROM ssm_node
			WHERE account = ? AND region = ? AND instance = ?`, c.Caller.Account, c.Region, id))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find node %s: %w", id, err)
		}
		all[i].platform, all[i].usable = n.platform, all[i].known
	}
	return all, nil
}

// machine is what is behind a node's id, whether its agent reports or not.
func (s *Service) machine(ctx context.Context, c *gateway.Call, id string) (named, error) {
	if isHybrid(id) {
		n, err := s.hybridNode(ctx, c, id)
		return named{id: id, tags: n.Tags, known: n.ID != ""}, err
	}
	i, err := s.instances.Instance(ctx, c.Caller.Account, c.Region, id)
	if errors.Is(err, ec2.ErrNotFound) {
		return named{id: id}, nil
	}
	return named{id: id, tags: i.Tags, known: manageable(i.State)}, err
}

func chooseNamed(c *gateway.Call, nodes []named, platforms []string) ([]chosen, error) {
	var bad []string
	found := make([]chosen, 0, len(nodes))
	for i, n := range nodes {
		if slices.ContainsFunc(nodes[:i], func(other named) bool { return other.id == n.id }) {
			return nil, fault("DuplicateInstanceId", "Instance ID %s is specified more than once.", n.id)
		}
		if !n.usable {
			bad = append(bad, n.id)
			continue
		}
		if !slices.Contains(platforms, n.platform) {
			return nil, fault("UnsupportedPlatformType", "The document doesn't support the platform type %s of instance %s.", n.platform, n.id)
		}
		found = append(found, chosen{id: n.id})
	}
	if len(bad) > 0 {
		return nil, fault("InvalidInstanceId", "Instances [[%s]] not in a valid state for account %s",
			strings.Join(bad, ", "), c.Caller.Account)
	}
	return found, nil
}

package hybrid

import (
	"context"
	"encoding/json"
	"regexp"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Node is a machine outside of EC2 that registered with an activation.
type Node struct {
	ID, Account, Region string
	Activation          string // the activation's id
	Role                string // as CreateActivation had it, perhaps with its path
	Name                string
	Registered          time.Time
	Tags                map[string]string

	fingerprint, key string
}

// ARN of the node.
func (n Node) ARN() string {
	if n.Activation == "" {
		return "arn:aws:ec2:" + n.Region + ":" + n.Account + ":instance/" + n.ID
	}
	return arnOf(n.Account, n.Region, n.ID)
}

func arnOf(account, region, id string) string {
	return "arn:aws:ssm:" + region + ":" + account + ":managed-instance/" + id
}

const nodeColumns = `account, region, id, activation, role, name, fingerprint, key, registered, tags`

func scanNode(r scanner) (Node, error) {
	var n Node
	var registered int64
	var tags string
	if err := r.Scan(&n.Account, &n.Region, &n.ID, &n.Activation, &n.Role, &n.Name, &n.fingerprint, &n.key, &registered, &tags); err != nil {
		return Node{}, err
	}
	n.Registered = time.Unix(registered, 0).UTC()
	return n, json.Unmarshal([]byte(tags), &n.Tags)
}

// Nodes lists the hybrid nodes of an account and region by id.
func (s *Service) Nodes(ctx context.Context, account, region string) ([]Node, error) {
	return list(ctx, s.db, scanNode, `SELECT `+nodeColumns+` FROM hybrid_node
		WHERE account = ? AND region = ? AND activation <> '' ORDER BY id`, account, region)
}

// Node gives a hybrid node; found is false when there is none.
func (s *Service) Node(ctx context.Context, account, region, id string) (n Node, found bool, err error) {
	n, found, err = s.find(ctx, account, region, id)
	return n, found && n.Activation != "", err
}

// find gives a hybrid node, or an EC2 instance that registered a key.
func (s *Service) find(ctx context.Context, account, region, id string) (Node, bool, error) {
	return first(ctx, s.db, scanNode, `SELECT `+nodeColumns+` FROM hybrid_node WHERE account = ? AND region = ? AND id = ?`, account, region, id)
}

// TagARN, Tags and ChangeTags serve the tag operations for the resource type ManagedInstance.
func (s *Service) TagARN(account, region, id string) string { return arnOf(account, region, id) }

// Tags of a node.
func (s *Service) Tags(ctx context.Context, account, region, id string) (map[string]string, bool, error) {
	n, found, err := s.Node(ctx, account, region, id)
	return n.Tags, found, err
}

// ChangeTags keeps what change makes of a node's tags.
func (s *Service) ChangeTags(ctx context.Context, account, region, id string, edit func(map[string]string) error) (found bool, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		var n Node
		n, found, err = first(ctx, tx, scanNode, `SELECT `+nodeColumns+` FROM hybrid_node
			WHERE account = ? AND region = ? AND id = ? AND activation <> ''`, account, region, id)
		if err != nil || !found {
			return err
		}
		if err := edit(n.Tags); err != nil {
			return err
		}
		tags, err := encode(n.Tags)
		if err != nil {
			return err
		}
		_, err = change(ctx, tx, `UPDATE hybrid_node SET tags = ? WHERE account = ? AND region = ? AND id = ?`, tags, account, region, id)
		return err
	})
	return found, err
}

var managedID = regexp.MustCompile(`^mi-[0-9a-f]{17}$`)

type nodeInput struct{ InstanceId string }

// onNode demands the operation's own action on a node with its tags.
func (s *Service) onNode(ctx context.Context, c *gateway.Call, in *nodeInput) ([]gateway.Access, error) {
	a, err := s.nodeAccess(ctx, c, in.InstanceId)
	return []gateway.Access{a}, err
}

func (s *Service) nodeAccess(ctx context.Context, c *gateway.Call, id string) (gateway.Access, error) {
	if !managedID.MatchString(id) {
		return gateway.Access{}, violated(id, "instanceId", "Member must satisfy regular expression pattern: "+managedID.String())
	}
	n, _, err := s.Node(ctx, c.Caller.Account, c.Region, id)
	keys := map[string][]string{}
	for k, v := range n.Tags {
		keys["ssm:resourceTag/"+k], keys["aws:ResourceTag/"+k] = []string{v}, []string{v}
	}
	return gateway.Access{Resource: arnOf(c.Caller.Account, c.Region, id), Context: keys}, err
}

// deregister forgets a node. Sessions that it holds go on until they expire, but it is no node any more.
func (s *Service) deregister(ctx context.Context, c *gateway.Call, in *nodeInput) (*struct{}, error) {
	done, err := change(ctx, s.db, `DELETE FROM hybrid_node WHERE account = ? AND region = ? AND id = ?`, c.Caller.Account, c.Region, in.InstanceId)
	if err == nil && !done {
		err = notExisting(in.InstanceId)
	}
	return &struct{}{}, err
}

func notExisting(id string) error {
	return fault("InvalidInstanceId", "Not existing InstanceId %s", id)
}

type updateRoleInput struct{ InstanceId, IamRole string }

func (s *Service) updateRoleAccess(ctx context.Context, c *gateway.Call, in *updateRoleInput) ([]gateway.Access, error) {
	if in.IamRole == "" || len(in.IamRole) > 64 {
		return nil, violated(in.IamRole, "iamRole", "Member must have length between 1 and 64")
	}
	node, err := s.nodeAccess(ctx, c, in.InstanceId)
	if err != nil {
		return nil, err
	}
	pass, err := s.passRole(ctx, c, in.IamRole)
	if err != nil {
		return nil, err
	}
	role := gateway.Access{Resource: pass.Resource} // the action is authorised on the role as well
	return []gateway.Access{node, role, pass}, nil
}

func (s *Service) updateRole(ctx context.Context, c *gateway.Call, in *updateRoleInput) (*struct{}, error) {
	if err := s.mustTrust(ctx, c, in.IamRole); err != nil {
		return nil, err
	}
	done, err := change(ctx, s.db, `UPDATE hybrid_node SET role = ? WHERE account = ? AND region = ? AND id = ?`,
		in.IamRole, c.Caller.Account, c.Region, in.InstanceId)
	if err == nil && !done {
		err = notExisting(in.InstanceId)
	}
	return &struct{}{}, err
}

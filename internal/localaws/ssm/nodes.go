package ssm

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
)

// offlineAfter is how long after its last ping a node counts as lost. The agent pings every 5 minutes.
const offlineAfter = 11 * time.Minute

// nodeInfo is what the agent says about its machine.
type nodeInfo struct {
	AgentName       string `json:",omitempty"`
	AgentVersion    string `json:",omitempty"`
	AgentStatus     string `json:",omitempty"`
	ComputerName    string `json:",omitempty"`
	IPAddress       string `json:",omitempty"`
	PlatformType    string `json:",omitempty"`
	PlatformName    string `json:",omitempty"`
	PlatformVersion string `json:",omitempty"`
}

// managedNode is a machine whose agent has reported, with its tags.
type managedNode struct {
	id                 string
	platform           string
	tags               map[string]string
	registered, pinged time.Time
	info               nodeInfo
	stopped            bool
	hybrid             hybrid.Node // zero for an EC2 instance
}

// HybridSource knows the machines outside of EC2. [hybrid.Service] is one.
type HybridSource interface {
	Nodes(ctx context.Context, account, region string) ([]hybrid.Node, error)
	Node(ctx context.Context, account, region, id string) (n hybrid.Node, found bool, err error)
}

func isHybrid(id string) bool { return strings.HasPrefix(id, "mi-") }

// managedNodes lists the caller's nodes that commands can be sent to, ordered by id.
func (s *Service) managedNodes(ctx context.Context, c *gateway.Call) ([]managedNode, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT instance, registered, pinged, info FROM ssm_node
		WHERE account = ? AND region = ? ORDER BY instance`, c.Caller.Account, c.Region)
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	all, err := collect(rows, func(r *sql.Rows) (managedNode, error) { return scanNode(r) })
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	instances, err := s.instances.Instances(ctx, c.Caller.Account, c.Region)
	if err != nil {
		return nil, err
	}
	outside, err := s.hybridNodes(ctx, c, all)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]ec2.Instance, len(instances))
	for _, i := range instances {
		byID[i.ID] = i
	}
	usable := all[:0]
	for _, n := range all {
		if i, ok := byID[n.id]; n.on(i, ok) || n.outside(outside[n.id]) {
			usable = append(usable, n)
		}
	}
	return usable, nil
}

// manageable says whether an instance is a node that commands can be sent to: one that is stopped gets them when it runs.
func manageable(state string) bool { return state != ec2.ShuttingDown && state != ec2.Terminated }

// on notes the instance that a node is on, and says whether it can be sent commands.
func (n *managedNode) on(i ec2.Instance, found bool) bool {
	if isHybrid(n.id) || !found || !manageable(i.State) {
		return false
	}
	n.tags, n.stopped = i.Tags, i.State == ec2.Stopped
	return true
}

// outside notes what a node outside of EC2 is, and says whether it is one.
func (n *managedNode) outside(h hybrid.Node) bool {
	if !isHybrid(n.id) || h.ID == "" {
		return false
	}
	n.hybrid, n.tags = h, h.Tags
	return true
}

// hybridNodes gives the registered hybrid nodes by id, if there is one among all.
func (s *Service) hybridNodes(ctx context.Context, c *gateway.Call, all []managedNode) (map[string]hybrid.Node, error) {
	if s.hybrid == nil || !slices.ContainsFunc(all, func(n managedNode) bool { return isHybrid(n.id) }) {
		return nil, nil
	}
	nodes, err := s.hybrid.Nodes(ctx, c.Caller.Account, c.Region)
	byID := make(map[string]hybrid.Node, len(nodes))
	for _, n := range nodes {
		byID[n.ID] = n
	}
	return byID, err
}

var nodeInfos memo[nodeInfo]

func scanNode(r interface{ Scan(...any) error }) (n managedNode, err error) {
	var registered, pinged int64
	var info string
	if err := r.Scan(&n.id, &registered, &pinged, &info); err != nil {
		return managedNode{}, err
	}
	n.registered, n.pinged = fromNanos(registered), fromNanos(pinged)
	if n.info, err = nodeInfos.get(info, fromJSON[nodeInfo]); err != nil {
		return managedNode{}, err
	}
	n.platform = n.info.PlatformType
	return n, nil
}

// targeted says whether all targets match; of the values of one any may.
func (n managedNode) targeted(targets []target) bool {
	for _, t := range targets {
		hit := false
		switch key, isTag := strings.CutPrefix(t.Key, "tag:"); {
		case isTag:
			value, has := n.tags[key]
			hit = has && slices.Contains(t.Values, value)
		case t.Key == "tag-key":
			hit = slices.ContainsFunc(t.Values, func(k string) bool { _, has := n.tags[k]; return has })
		case t.Key == "InstanceIds":
			hit = slices.Contains(t.Values, n.id)
		}
		if !hit {
			return false
		}
	}
	return true
}

func (n managedNode) pingStatus(now time.Time) string {
	if now.Sub(n.pinged) > offlineAfter {
		return "ConnectionLost"
	}
	return "Online"
}

func (n managedNode) resourceType() string {
	if isHybrid(n.id) {
		return "ManagedInstance"
	}
	return "EC2Instance"
}

type updateNodeInput struct {
	InstanceId string
	nodeInfo
}

// updateNodeAccess: the node's own ARN, with the keys that its credentials carry.
func updateNodeAccess(_ context.Context, c *gateway.Call, in *updateNodeInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("instanceId", in.InstanceId)
	v.matches("instanceId", in.InstanceId, instanceID)
	v.required("agentVersion", in.AgentVersion)
	v.matches("agentVersion", in.AgentVersion, agentVersion)
	v.oneOf("platformType", in.PlatformType, "Windows", "Linux", "MacOS")
	if err := v.err(); err != nil {
		return nil, err
	}
	return []gateway.Access{{Resource: nodeARN(c.Caller.Account, c.Region, in.InstanceId), Context: SourceKeys(c)}}, nil
}

// updateInstanceInformation is the agent's ping.
func (s *Service) updateInstanceInformation(ctx context.Context, c *gateway.Call, in *updateNodeInput) (*struct{}, error) {
	if !IsNode(c, in.InstanceId) {
		return nil, denied(c, "ssm:UpdateInstanceInformation", nodeARN(c.Caller.Account, c.Region, in.InstanceId))
	}
	if err := s.mustExist(ctx, c, in.InstanceId); err != nil {
		return nil, err
	}
	in.PlatformType = cmp.Or(in.PlatformType, "Linux")
	info, err := json.Marshal(in.nodeInfo)
	if err != nil {
		return nil, err
	}
	now := nanos(s.now())
	_, err = s.db.ExecContext(ctx, `INSERT INTO ssm_node (account, region, instance, registered, pinged, info)
		VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET pinged = excluded.pinged, info = json_patch(info, excluded.info)`,
		c.Caller.Account, c.Region, in.InstanceId, now, now, string(info))
	return &struct{}{}, err
}

func (s *Service) mustExist(ctx context.Context, c *gateway.Call, id string) error {
	if isHybrid(id) {
		n, err := s.hybridNode(ctx, c, id)
		if err == nil && n.ID == "" {
			err = fault("InvalidInstanceId", "Not existing InstanceId %s", id)
		}
		return err
	}
	_, err := s.instances.Instance(ctx, c.Caller.Account, c.Region, id)
	if errors.Is(err, ec2.ErrNotFound) {
		return fault("InvalidInstanceId", "Instance %s does not exist in account %s.", id, c.Caller.Account)
	}
	return err
}

// hybridNode gives a hybrid node of the caller's; its id is empty when there is none.
func (s *Service) hybridNode(ctx context.Context, c *gateway.Call, id string) (hybrid.Node, error) {
	if s.hybrid == nil {
		return hybrid.Node{}, nil
	}
	n, found, err := s.hybrid.Node(ctx, c.Caller.Account, c.Region, id)
	if !found {
		return hybrid.Node{}, err
	}
	return n, err
}

// SourceKeys are the condition keys that the credentials of an instance carry, and no others do.
func SourceKeys(c *gateway.Call) map[string][]string {
	arn := c.Caller.SourceInstance
	if arn == "" {
		return nil
	}
	return map[string][]string{"ssm:SourceInstanceARN": {arn}, "ec2:SourceInstanceARN": {arn}}
}

// CallingNode is the id of the node that the caller is; empty when it is none. Only whom a session was issued to says
// so: anybody may name a session like an instance.
func CallingNode(c *gateway.Call) string {
	arn := c.Caller.SourceInstance
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	if arn == "" || arn != nodeARN(c.Caller.Account, c.Region, id) {
		return ""
	}
	return id
}

// IsNode says whether the caller is the node itself.
func IsNode(c *gateway.Call, instance string) bool {
	return instance != "" && CallingNode(c) == instance
}

type listAssociationsInput struct {
	InstanceId string
	MaxResults *int
	NextToken  string
}

type listAssociationsOutput struct{ Associations []struct{} }

func listAssociationsAccess(_ context.Context, c *gateway.Call, in *listAssociationsInput) ([]gateway.Access, error) {
	v := &validation{}
	v.required("instanceId", in.InstanceId)
	v.matches("instanceId", in.InstanceId, instanceID)
	v.between("maxResults", in.MaxResults, 1, 50)
	return []gateway.Access{{Resource: nodeARN(c.Caller.Account, c.Region, in.InstanceId)}}, v.err()
}

// listInstanceAssociations: the local AWS has no State Manager, so nothing is associated.
func (s *Service) listInstanceAssociations(context.Context, *gateway.Call, *listAssociationsInput) (*listAssociationsOutput, error) {
	return &listAssociationsOutput{Associations: []struct{}{}}, nil
}

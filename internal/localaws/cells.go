package localaws

import (
	"cmp"
	"path/filepath"

	"github.com/slipway-cd/slipway/internal/localaws/cell"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

// cellParts are what all cells share.
type cellParts struct {
	agent     string // the directory of the agent's programs
	authority *cell.Authority
}

// prepareCells copies the agent into the data directory and makes its certificates.
func (a *AWS) prepareCells() (parts cellParts, err error) {
	parts.agent = filepath.Join(a.config.Dir, "agent")
	if err := cell.Install(a.config.Nodes.AgentDir, parts.agent); err != nil {
		return parts, err
	}
	parts.authority, err = cell.LoadAuthority(a.config.Dir)
	return parts, err
}

// newCell makes a machine that holds the genuine agent.
func (a *AWS) newCell(instance ec2.Instance) (machine, error) {
	parts, err := a.cellParts()
	if err != nil {
		return nil, err
	}
	metadata, err := a.newMetadata(instance)
	if err != nil {
		return nil, err
	}
	return cell.New(cell.Config{
		InstanceID: instance.ID, Region: instance.Region, HostName: hostName(instance), Address: cmp.Or(instance.PrivateIP, "10.0.0.254"), Dir: a.nodeDir(instance.ID),
		AgentDir: parts.agent, Sandbox: a.sandbox(), Authority: parts.authority, AWS: a.gateway, Metadata: metadata.imds,
		Logf: func(format string, args ...any) { a.config.Logf("node "+instance.ID+": "+format, args...) },
	})
}

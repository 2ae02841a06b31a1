package localaws

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// policyFile, beside the nodes' directories, keeps what a release declared about its nodes for starts without it. It is
// about this machine: a snapshot's is not believed, since that would open directories of this machine to its scripts.
const policyFile = "nodes/policy.json"

// keptPolicy is the content of policyFile.
type keptPolicy struct {
	Caches map[string]string `json:"caches"`
	Allow  []string          `json:"allow"`
	Stubs  []string          `json:"stubs"`
}

// KeepNodes keeps the Caches, Allow and Stubs of the nodes in the data directory, for [AWS.KeptNodes].
func (a *AWS) KeepNodes() error {
	n := a.config.Nodes
	content, err := json.MarshalIndent(keptPolicy{Caches: n.Caches, Allow: n.Allow, Stubs: n.Stubs}, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(a.config.Dir, policyFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep what the release says about nodes: %w", err)
	}
	if err := writeSecret(path, append(content, '\n')); err != nil {
		return fmt.Errorf("keep what the release says about nodes: %w", err)
	}
	return nil
}

// KeptNodes completes a policy with what [AWS.KeepNodes] kept; known is false when there is nothing, as after a restore.
func (a *AWS) KeptNodes(policy NodePolicy) (complete NodePolicy, known bool, err error) {
	content, err := os.ReadFile(filepath.Join(a.config.Dir, policyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return policy, false, nil
	}
	if err != nil {
		return policy, false, err
	}
	var kept keptPolicy
	if err := json.Unmarshal(content, &kept); err != nil {
		return policy, false, fmt.Errorf("%s: %w", filepath.Join(a.config.Dir, policyFile), err)
	}
	policy.Caches, policy.Allow, policy.Stubs = kept.Caches, kept.Allow, kept.Stubs
	return policy, true, nil
}

// forgetPolicy deletes what a snapshot says about nodes from a state that was made of it.
func forgetPolicy(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return root.RemoveAll(policyFile)
}

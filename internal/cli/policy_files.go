package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

// The bounds of what is read into memory: a policy is far smaller, and a request comes with all of its policies.
const (
	maxPolicyFile  = 1 << 20
	maxRequestFile = 4 << 20
)

func readPolicies(process *Process, files []string) ([]*iam.Policy, error) {
	var list []*iam.Policy
	for _, file := range files {
		p, err := readPolicy(process, file)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// readPolicy reads and compiles a policy in JSON or YAML.
func readPolicy(process *Process, file string) (*iam.Policy, error) {
	text, err := readInput(process, file, maxPolicyFile)
	if err != nil {
		return nil, err
	}
	d, err := policy.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return iam.Compile(d)
}

// readInput reads a file, or standard input where its name is -, of at most so many bytes.
func readInput(process *Process, name string, most int) ([]byte, error) {
	in := process.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > most {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, most)
	}
	return text, nil
}

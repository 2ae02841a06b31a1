// Command slipway ships releases to EC2 and proves beforehand that the IAM roles allow exactly what they need.
package main

import (
	"context"
	"os"

	"github.com/slipway-cd/slipway/internal/cli"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

func main() {
	node.MaybeInit() // a built-in node re-executes this program inside its namespaces
	os.Exit(cli.Main(context.Background(), cli.Process{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
	}))
}

// Package testclient finds the programs of others that tests run: the AWS CLI, Node, Python, act. A test whose client is
// missing skips and says which; where SLIPWAY_REQUIRE_CLIENTS names the client (names with commas between them), as CI
// does for those that it installs, it fails.
package testclient

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const required = "SLIPWAY_REQUIRE_CLIENTS"

// Missing ends a test whose client is not there: it skips, or fails where the client is required.
func Missing(t testing.TB, name, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv(required), ","), name) {
		t.Fatalf("the client %s is required (%s) and missing: %s", name, required, why)
	}
	t.Skipf("the client %s is missing: %s", name, why)
}

// Find gives the path of a program.
func Find(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, err.Error())
	}
	return path
}

// Boto3 gives a Python that can import boto3: one in PATH, or the system's, which has the packages of the system.
func Boto3(t testing.TB) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(python)
		if err == nil && exec.Command(path, "-c", "import boto3").Run() == nil {
			return path
		}
	}
	Missing(t, "python3-boto3", "no python3 can import it")
	return ""
}

// CLI2 gives version 2 of the AWS CLI, wherever in PATH it is.
func CLI2(t testing.TB) string {
	t.Helper()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "aws")
		if out, err := exec.Command(path, "--version").Output(); err == nil && strings.HasPrefix(string(out), "aws-cli/2") {
			return path
		}
	}
	Missing(t, "aws2", "no aws in PATH is version 2")
	return ""
}

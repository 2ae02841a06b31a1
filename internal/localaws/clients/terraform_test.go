package clients_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// backend keeps Terraform's state in S3, locked by a conditional write. terraform_data needs no provider.
const backend = `terraform {
  backend "s3" {
    bucket         = "states"
    key            = "shop/terraform.tfstate"
    region         = "` + region + `"
    use_lockfile   = true
    use_path_style = true
  }
}
resource "terraform_data" "release" {
  input = "v1"
}
`

// TestTerraformBackend: Terraform applies, keeps its state, and does not apply while somebody else holds the lock.
func TestTerraformBackend(t *testing.T) {
	t.Parallel()
	path := testclient.Find(t, "terraform")
	endpoint, admin := start(t)
	d := goSDK{endpoint, region, admin}
	must(t, d, "s3", "CreateBucket", map[string]any{"Bucket": "states", "CreateBucketConfiguration": map[string]any{"LocationConstraint": region}}, nil)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(backend), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(environment(t, endpoint, region, admin), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1")
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, append(args, "-no-color")...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-auto-approve"}} {
		if out, err := run(args...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	state := at(must(t, d, "s3", "GetObject", map[string]any{"Bucket": "states", "Key": "shop/terraform.tfstate"}, nil), "Body")
	if !strings.Contains(state, `"terraform_data"`) || !strings.Contains(state, `"v1"`) {
		t.Errorf("the state is %s", state)
	}
	const lock = "shop/terraform.tfstate.tflock"
	must(t, d, "s3", "CopyObject", map[string]any{"Bucket": "states", "Key": lock, "CopySource": "states/shop/terraform.tfstate"}, nil)
	if out, err := run("apply", "-auto-approve", "-lock-timeout=0s"); err == nil || !strings.Contains(out, "PreconditionFailed") {
		t.Errorf("applied under somebody else's lock: %v\n%s", err, out)
	}
	must(t, d, "s3", "DeleteObject", map[string]any{"Bucket": "states", "Key": lock}, nil)
	if out, err := run("apply", "-auto-approve"); err != nil {
		t.Errorf("after the lock: %v\n%s", err, out)
	}
}

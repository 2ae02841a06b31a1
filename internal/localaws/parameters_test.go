package localaws_test

import (
	"strings"
	"testing"
)

// TestParameterTags: Parameter Store keeps its parameters' tags behind the tag operations of Systems Manager.
func TestParameterTags(t *testing.T) {
	t.Parallel()
	c := callerOf(t, served(t, t.TempDir()), account, "eu-west-1")
	c.must(t, "ssm", "PutParameter", `{"Name":"/shop/url","Type":"String","Value":"x","Tags":[{"Key":"App","Value":"shop"}]}`)
	c.must(t, "ssm", "AddTagsToResource", `{"ResourceType":"Parameter","ResourceId":"/shop/url","Tags":[{"Key":"Env","Value":"dev"}]}`)
	c.must(t, "ssm", "RemoveTagsFromResource", `{"ResourceType":"Parameter","ResourceId":"/shop/url","TagKeys":["App"]}`)
	if got := c.must(t, "ssm", "ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"/shop/url"}`); got != `{"TagList":[{"Key":"Env","Value":"dev"}]}` {
		t.Error(got)
	}
	if got := c.ask(t, "ssm", "ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"/shop/none"}`); got.code != "InvalidResourceId" {
		t.Error(got.body)
	}
}

// TestCLIParameters puts and gets a secret with the AWS CLI.
func TestCLIParameters(t *testing.T) {
	t.Parallel()
	cli := newCLI(t, served(t, t.TempDir()))
	cli.run(t, "ssm", "put-parameter", "--name", "/shop/db/password", "--type", "SecureString", "--value", "hunter2")
	if got := cli.run(t, "ssm", "get-parameter", "--name", "/shop/db/password", "--with-decryption", "--query", "Parameter.Value", "--output", "text"); got != "hunter2" {
		t.Errorf("get-parameter: %q", got)
	}
	if got := cli.run(t, "ssm", "get-parameters-by-path", "--path", "/shop", "--recursive", "--query", "Parameters[].Name", "--output", "text"); got != "/shop/db/password" {
		t.Errorf("get-parameters-by-path: %q", got)
	}
	if out, err := cli.try(t, "ssm", "put-parameter", "--name", "/shop/db/password", "--type", "SecureString", "--value", "x"); err == nil || !strings.Contains(out, "(ParameterAlreadyExists)") {
		t.Error(out)
	}
}

package localaws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// environmentOf runs env on a node and gives what it prints.
func (w world) environmentOf(t *testing.T, role string) map[string]string {
	t.Helper()
	_, r, err := w.command(t, step{role: role, commands: []string{"env | grep ^AWS_"}})
	if err != nil || r.Status != "Success" {
		t.Fatalf("%+v, %v", r, err)
	}
	env := map[string]string{}
	for line := range strings.Lines(r.Stdout) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// get makes a request; headers are name, value, …
func get(t *testing.T, method, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestBuiltInNodesMetadata: scripts of a node find its metadata and its role's credentials, both through what only they are
// told, and what EC2 does for them is in the event log.
func TestBuiltInNodesMetadata(t *testing.T) {
	t.Parallel()
	w := startNodes(t, "")
	env := w.environmentOf(t, wholeRole)
	endpoint := strings.TrimSuffix(env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], "/")
	if env["AWS_EC2_METADATA_DISABLED"] != "false" || env["AWS_REGION"] != scenarioRegion {
		t.Errorf("the environment is %v", env)
	}
	status, session := get(t, http.MethodPut, endpoint+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if status != http.StatusOK {
		t.Fatalf("no session: %d", status)
	}
	const header = "X-aws-ec2-metadata-token"
	if _, got := get(t, http.MethodGet, endpoint+"/latest/meta-data/instance-id", header, session); got != w.nodes[wholeRole] {
		t.Errorf("the instance is %q", got)
	}
	if status, _ := get(t, http.MethodGet, endpoint+"/latest/meta-data/instance-id"); status != http.StatusUnauthorized {
		t.Errorf("without a session: %d, want 401", status)
	}
	var keys, again struct{ AccessKeyId string }
	_, body := get(t, http.MethodGet, endpoint+"/latest/meta-data/iam/security-credentials/"+wholeRole, header, session)
	if err := json.Unmarshal([]byte(body), &keys); err != nil || !strings.HasPrefix(keys.AccessKeyId, "ASIA") {
		t.Errorf("the role's credentials are %s, %v", body, err)
	}
	_, body = get(t, http.MethodGet, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
	if err := json.Unmarshal([]byte(body), &again); err != nil || again != keys {
		t.Errorf("the containers' way gives %s, %v, want the same key", body, err)
	}
	base := endpoint[:strings.LastIndexByte(endpoint, '/')]
	for _, url := range []string{base + "/latest/api/token", base + "/" + strings.Repeat("0", 48) + "/credentials", base + "/", base + "//credentials"} {
		if status, _ := get(t, http.MethodGet, url); status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", url, status)
		}
	}
	if status := send(t, http.MethodGet, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], "evil.example.com", nil); status != http.StatusNotFound {
		t.Errorf("a rebound name: got %d, want 404", status)
	}
}

// TestMetadataWithoutTrust: EC2 cannot assume a role that does not trust it. The metadata say so, and so does the event log.
func TestMetadataWithoutTrust(t *testing.T) {
	t.Parallel()
	w := startNodes(t, "")
	env := w.environmentOf(t, wholeRole)
	const noTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	spec := iam.RoleSpec{Account: account, Name: wholeRole, Trust: []byte(noTrust), InstanceProfile: true}
	if err := w.aws.PutRole(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	status, body := get(t, http.MethodGet, env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
	if status != http.StatusForbidden || !strings.Contains(body, "AssumeRoleUnauthorizedAccess") {
		t.Errorf("got %d %s, want a refusal", status, body)
	}
	events, err := w.aws.Events().List(t.Context(), gateway.Filter{Name: "AssumeRole"})
	if err != nil {
		t.Fatal(err)
	}
	denied := 0
	for _, e := range events {
		if e.ErrorCode == "AccessDenied" {
			denied++
		}
	}
	if denied == 0 {
		t.Error("the refusal is not in the event log")
	}
}

// TestScriptsHaveTheirRole calls AWS in a script, on both kinds of nodes, without any configuration.
func TestScriptsHaveTheirRole(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "aws")
	for name, agent := range map[string]func(*testing.T) string{"built-in nodes": func(*testing.T) string { return "" }, "cells": genuineAgent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startNodes(t, agent(t), func(n *localaws.NodePolicy) { n.Path = os.Getenv("PATH") })
			// An older AWS CLI does not know the variable.
			call := `aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"}`
			_, r, err := w.command(t, step{role: wholeRole, commands: []string{
				call + " sts get-caller-identity --query Arn --output text", "echo copied | " + call + " s3 cp - s3://" + outputBucket + "/copy"}})
			want := "arn:aws:sts::" + account + ":assumed-role/" + wholeRole + "/" + w.nodes[wholeRole] + "\n"
			if err != nil || r.Stdout != want || r.Status != "Success" {
				t.Errorf("got %+v, %v, want %s", r, err, want)
			}
			if got := w.admin.send(t, http.MethodGet, "/"+outputBucket+"/copy", "s3", nil, ""); got.body != "copied\n" {
				t.Errorf("the object is %q (%d)", got.body, got.status)
			}
		})
	}
}

// TestInstanceWithoutMetadata: an instance whose metadata service is switched off gets no credentials in any way, so that its
// agent never registers, as on EC2.
func TestInstanceWithoutMetadata(t *testing.T) {
	t.Parallel()
	aws := openWith(t, localaws.NodePolicy{})
	if _, err := aws.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	launch(t, aws, wholeRole, "i-00000000000000001", "10.0.0.4")
	on := ec2.Instance{ID: "i-00000000000000001", Account: account, Region: scenarioRegion}
	off := ec2.Instance{ID: "i-00000000000000002", Account: account, Region: scenarioRegion, Metadata: ec2.MetadataOptions{HTTPEndpoint: "disabled"},
		ProfileARN: "arn:aws:iam::" + account + ":instance-profile/" + wholeRole}
	if err := aws.Launch(t.Context(), off); err != nil {
		t.Fatal(err)
	}
	if _, err := aws.InstanceCredentials(t.Context(), on); err != nil {
		t.Errorf("with metadata: %v", err)
	}
	if c, err := aws.InstanceCredentials(t.Context(), off); err == nil || !strings.Contains(err.Error(), "instance metadata") || c.AccessKeyID != "" {
		t.Errorf("without metadata: %v", err)
	}
}

package ssm_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

func sdkConfig(w *world) aws.Config {
	w.t.Helper()
	w.clock.advance(time.Since(w.clock.now())) // the SDK signs with the real time
	server := httptest.NewServer(w.gw)
	w.t.Cleanup(server.Close)
	return aws.Config{Region: region, BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "admin", SecretAccessKey: "secret"}, nil
		})}
}

// TestGoSDK speaks to the services with the client that slipway itself uses.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := sdkConfig(w)
	a := w.node(1, map[string]string{"App": "web"})
	client, ctx := sdkssm.NewFromConfig(cfg), t.Context()

	made, err := client.CreateDocument(ctx, &sdkssm.CreateDocumentInput{Name: aws.String("release"), Content: aws.String(deploy),
		DocumentType: types.DocumentTypeCommand, DocumentFormat: types.DocumentFormatJson})
	must(t, err)
	sent, err := client.SendCommand(ctx, &sdkssm.SendCommandInput{DocumentName: aws.String("release"), DocumentVersion: aws.String("1"),
		DocumentHash: made.DocumentDescription.Hash, DocumentHashType: types.DocumentHashTypeSha256, TimeoutSeconds: aws.Int32(60),
		Targets: []types.Target{{Key: aws.String("tag:App"), Values: []string{"web"}}}, Parameters: map[string][]string{"Version": {"1.2"}}})
	must(t, err)
	id := sent.Command.CommandId
	// With Targets the answer comes before the nodes are resolved.
	if sent.Command.TargetCount != 0 || sent.Command.Status != types.CommandStatusPending ||
		sent.Command.ExpiresAfter.Sub(*sent.Command.RequestedDateTime) != (60+600+60)*time.Second {
		t.Errorf("sent: %+v", sent.Command)
	}
	a.reply(a.take(), "Success", object{"release": plugin("Success", 0, "out", ""), "validate": plugin("Success", 0, "", "")})
	got, err := client.GetCommandInvocation(ctx, &sdkssm.GetCommandInvocationInput{CommandId: id, InstanceId: aws.String(a.id), PluginName: aws.String("release")})
	must(t, err)
	if got.Status != types.CommandInvocationStatusSuccess || aws.ToString(got.StandardOutputContent) != "out" || got.ResponseCode != 0 {
		t.Errorf("got %+v", got)
	}
	pages := sdkssm.NewListCommandInvocationsPaginator(client, &sdkssm.ListCommandInvocationsInput{CommandId: id, Details: true})
	page, err := pages.NextPage(ctx)
	must(t, err)
	if len(page.CommandInvocations) != 1 || pages.HasMorePages() || len(page.CommandInvocations[0].CommandPlugins) != 2 ||
		page.CommandInvocations[0].CommandPlugins[0].ResponseFinishDateTime == nil {
		t.Errorf("page %+v", page)
	}
	commands, err := client.ListCommands(ctx, &sdkssm.ListCommandsInput{Filters: []types.CommandFilter{
		{Key: types.CommandFilterKeyDocumentName, Value: aws.String("release")}}})
	must(t, err)
	if len(commands.Commands) != 1 || commands.Commands[0].TargetCount != 1 || commands.Commands[0].CompletedCount != 1 {
		t.Errorf("commands %+v", commands.Commands)
	}
	nodes, err := client.DescribeInstanceInformation(ctx, &sdkssm.DescribeInstanceInformationInput{})
	must(t, err)
	if len(nodes.InstanceInformationList) != 1 || nodes.InstanceInformationList[0].PingStatus != types.PingStatusOnline {
		t.Errorf("nodes %+v", nodes.InstanceInformationList)
	}
}

// TestGoSDKErrors: the SDK knows our errors by their types.
func TestGoSDKErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, ctx := sdkssm.NewFromConfig(sdkConfig(w)), t.Context()
	_, err := client.GetCommandInvocation(ctx, &sdkssm.GetCommandInvocationInput{CommandId: aws.String(noSuchCommand), InstanceId: aws.String(nodeID(1))})
	var missing *types.InvocationDoesNotExist
	if !errors.As(err, &missing) {
		t.Errorf("%T %v", err, err)
	}
	_, err = client.SendCommand(ctx, &sdkssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"),
		InstanceIds: []string{nodeID(1)}, Parameters: map[string][]string{"commands": {"true"}}})
	var invalid *types.InvalidInstanceId
	if !errors.As(err, &invalid) || !strings.Contains(invalid.ErrorMessage(), "not in a valid state") {
		t.Errorf("%T %v", err, err)
	}
	_, err = client.SendCommand(ctx, &sdkssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{"x"}})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" {
		t.Errorf("%T %v", err, err)
	}
}

package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// goSDK is the AWS SDK for Go.
type goSDK struct {
	endpoint, region string
	admin            credentials
}

func (g goSDK) config(as *credentials) aws.Config {
	if as == nil {
		as = &g.admin
	}
	c := aws.Credentials{AccessKeyID: as.Key, SecretAccessKey: as.Secret, SessionToken: as.Token}
	return aws.Config{Region: g.region, BaseEndpoint: aws.String(g.endpoint), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })}
}

// typed calls an operation of the SDK with its input read from JSON, and its output written as JSON.
func typed[In, Out, Option any](ctx context.Context, in []byte, call func(context.Context, *In, ...func(Option)) (*Out, error)) (any, error) {
	var input In
	if err := json.Unmarshal(in, &input); err != nil {
		return nil, err
	}
	return call(ctx, &input)
}

func (g goSDK) call(t *testing.T, r request) reply {
	t.Helper()
	in, err := json.Marshal(r.In)
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.do(t.Context(), r, in)
	var failure smithy.APIError
	switch {
	case err != nil && r.Operation == "wait":
		return reply{Code: "WaiterError", Message: err.Error()}
	case errors.As(err, &failure):
		return reply{Code: failure.ErrorCode(), Message: failure.ErrorMessage()}
	case err != nil:
		t.Fatalf("%s %s: %v", r.Service, r.Operation, err)
	}
	if object, ok := out.(*s3.GetObjectOutput); ok {
		body, err := io.ReadAll(object.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{Out: map[string]any{"Body": string(body)}}
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{}
	if err := json.Unmarshal(text, &got.Out); err != nil {
		t.Fatal(err)
	}
	return got
}

func (g goSDK) do(ctx context.Context, r request, in []byte) (any, error) {
	cfg := g.config(r.Credentials)
	run, identity, roles, objects := ssm.NewFromConfig(cfg), sts.NewFromConfig(cfg), iam.NewFromConfig(cfg),
		s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	switch r.Operation {
	case "wait":
		var input ssm.GetCommandInvocationInput
		if err := json.Unmarshal(in, &input); err != nil {
			return nil, err
		}
		return struct{}{}, ssm.NewCommandExecutedWaiter(run).Wait(ctx, &input, 100*time.Second)
	case "GetCallerIdentity":
		return typed(ctx, in, identity.GetCallerIdentity)
	case "AssumeRole":
		return typed(ctx, in, identity.AssumeRole)
	case "CreateRole":
		return typed(ctx, in, roles.CreateRole)
	case "GetRole":
		return typed(ctx, in, roles.GetRole)
	case "PutRolePolicy":
		return typed(ctx, in, roles.PutRolePolicy)
	case "ListRolePolicies":
		return typed(ctx, in, roles.ListRolePolicies)
	case "DeleteRolePolicy":
		return typed(ctx, in, roles.DeleteRolePolicy)
	case "DeleteRole":
		return typed(ctx, in, roles.DeleteRole)
	case "CreateBucket":
		return typed(ctx, in, objects.CreateBucket)
	case "GetObject":
		return typed(ctx, in, objects.GetObject)
	case "CopyObject":
		return typed(ctx, in, objects.CopyObject)
	case "DeleteObject":
		return typed(ctx, in, objects.DeleteObject)
	case "ListObjectsV2":
		return typed(ctx, in, objects.ListObjectsV2)
	case "DescribeInstanceInformation":
		return typed(ctx, in, run.DescribeInstanceInformation)
	case "CreateDocument":
		return typed(ctx, in, run.CreateDocument)
	case "UpdateDocument":
		return typed(ctx, in, run.UpdateDocument)
	case "UpdateDocumentDefaultVersion":
		return typed(ctx, in, run.UpdateDocumentDefaultVersion)
	case "DescribeDocument":
		return typed(ctx, in, run.DescribeDocument)
	case "GetDocument":
		return typed(ctx, in, run.GetDocument)
	case "DeleteDocument":
		return typed(ctx, in, run.DeleteDocument)
	case "SendCommand":
		return typed(ctx, in, run.SendCommand)
	case "GetCommandInvocation":
		return typed(ctx, in, run.GetCommandInvocation)
	case "ListCommands":
		return typed(ctx, in, run.ListCommands)
	case "ListCommandInvocations":
		return typed(ctx, in, run.ListCommandInvocations)
	case "CancelCommand":
		return typed(ctx, in, run.CancelCommand)
	case "PutParameter":
		return typed(ctx, in, run.PutParameter)
	case "GetParameter":
		return typed(ctx, in, run.GetParameter)
	case "GetParametersByPath":
		return typed(ctx, in, run.GetParametersByPath)
	case "GetParameterHistory":
		return typed(ctx, in, run.GetParameterHistory)
	case "DeleteParameter":
		return typed(ctx, in, run.DeleteParameter)
	}
	return nil, errors.New("the Go driver does not know this operation")
}

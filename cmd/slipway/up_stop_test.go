package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// TestInterruptedTwice: the first Ctrl-C lets a command end, the second does not wait for it any longer, also where
// interrupts were ignored when it was started, as a shell does with what it starts in the background.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	u := startUp(t, t.TempDir(), "d")
	const script = "sleep 317.4159"
	u.send(t, script)
	for deadline := time.Now().Add(20 * time.Second); len(processes(t, "317.4159")) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the command does not run")
		}
	}
	u.interrupt(t)
	u.await(t, "letting 1 running command end, at most 30s; Ctrl-C again stops now")
	begun := time.Now()
	u.interrupt(t)
	err := u.command.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v, want exit code 1", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s after the second interrupt", took)
	}
	if !strings.Contains(u.stderr(t), "1 command had not ended when it was told to stop now; it is answered as failed") {
		t.Errorf("it does not say what became of the command:\n%s", u.stderr(t))
	}
	if left := processes(t, "317.4159"); len(left) > 0 {
		t.Errorf("still running: %s", left)
	}
}

// processes are the command lines on this machine that hold a text.
func processes(t *testing.T, text string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skipf("no processes in /proc: %v", err)
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// send has the node run a command and waits until it runs.
func (u *up) send(t *testing.T, script string) {
	t.Helper()
	values := map[string]string{}
	for _, v := range u.env(t) {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	client := ssm.New(ssm.Options{Region: values["AWS_REGION"], BaseEndpoint: aws.String(values["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"], "")})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var id string
	for id == "" {
		nodes, err := client.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes.InstanceInformationList {
			id = *node.InstanceId
		}
		time.Sleep(20 * time.Millisecond)
	}
	sent, err := client.SendCommand(ctx, &ssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{id},
		Parameters: map[string][]string{"commands": {script}}})
	if err != nil {
		t.Fatal(err)
	}
	for {
		got, err := client.ListCommandInvocations(ctx, &ssm.ListCommandInvocationsInput{CommandId: sent.Command.CommandId})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.CommandInvocations) == 1 && got.CommandInvocations[0].Status == "InProgress" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

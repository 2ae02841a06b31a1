package simulate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// report tells Systems Manager that the node is there, as its agent would.
func (f *Fleet) report(ctx context.Context, id string, cred sigv4.Credentials) error {
	body, err := json.Marshal(map[string]string{"InstanceId": id, "AgentName": "amazon-ssm-agent", "AgentVersion": agentVersion,
		"AgentStatus": "Active", "PlatformType": cmp.Or(f.cfg.Platform, "Linux"), "PlatformName": "Simulated", "ComputerName": id})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.cfg.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM.UpdateInstanceInformation")
	sigv4.Sign(r, body, cred, f.cfg.Region, "ssm", time.Now())
	answer, err := f.http.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxFrame))
	_ = answer.Body.Close()
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("UpdateInstanceInformation: %s: %s", answer.Status, text)
	}
	return err
}

// Ended is the payload of a reply to a command, in which the steps of its document end with the status (Success, Failed,
// TimedOut) and the exit code. Only after a Success does another follow.
func Ended(payload, status string, code int) (string, error) {
	var command struct {
		DocumentContent struct {
			MainSteps []struct{ Name string }
		}
	}
	if err := json.Unmarshal([]byte(payload), &command); err != nil {
		return "", fmt.Errorf("read the payload of a command: %w", err)
	}
	type plugin struct {
		Status         string `json:"status"`
		Code           int    `json:"code"`
		Name           string `json:"name"`
		Output         string `json:"output"`
		StandardOutput string `json:"standardOutput"`
		StandardError  string `json:"standardError"`
		Start          string `json:"startDateTime"`
		End            string `json:"endDateTime"`
	}
	plugins := map[string]plugin{}
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	for _, step := range command.DocumentContent.MainSteps {
		plugins[step.Name] = plugin{Status: status, Code: code, Name: "aws:runShellScript", Output: "simulated", StandardOutput: "simulated", Start: now, End: now}
		if status != "Success" {
			break
		}
	}
	reply, err := json.Marshal(map[string]any{"additionalInfo": map[string]any{"agent": map[string]string{"ver": agentVersion}},
		"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": plugins})
	return string(reply), err
}

package ship

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

const (
	// maxOutput is how much of one script's output is kept in memory; the whole is where the agent wrote it.
	maxOutput = 16 << 20
	// wholeOutputs is how many nodes' outputs of a command are read as a whole; of the others the tail is there.
	wholeOutputs = 10
	// settleWithin is how long the end of the output may take to show up where the agent wrote it; settleInAll is how long
	// a deploy waits for that, of all nodes together: nothing else is watched meanwhile.
	settleWithin = 10 * time.Second
	settleInAll  = 30 * time.Second
	// keptOutput is how much output a deploy reads as a whole, of all nodes together.
	keptOutput = 32 << 20
)

// writeOutput tells the agents where all of the output goes.
func writeOutput(in *ssm.SendCommandInput, o plan.Output) {
	if o.LogGroup != "" {
		in.CloudWatchOutputConfig = &types.CloudWatchOutputConfig{CloudWatchOutputEnabled: true, CloudWatchLogGroupName: aws.String(o.LogGroup)}
	}
	if o.Bucket != "" {
		in.OutputS3BucketName = aws.String(o.Bucket)
	}
	if o.Prefix != "" {
		in.OutputS3KeyPrefix = aws.String(o.Prefix)
	}
}

// completeAll puts the complete output in the place of what Run Command cut, where the agent has written it. That it
// cannot be read changes no verdict: it is said, and what Run Command has stays.
func (w *watch) completeAll(ctx context.Context, node *NodeResult, steps []ScriptStepResult) {
	o := w.step.Output
	if o.LogGroup == "" && o.Bucket == "" {
		return
	}
	for i := range steps {
		s := &steps[i]
		if !truncated(s.Stdout, stdoutLimit) {
			continue
		}
		s.Complete = w.whereComplete(node.InstanceID, s.Name)
		if w.completed >= wholeOutputs || w.r.outputKept >= keptOutput || w.unreadable != "" {
			s.Incomplete = w.unreadable
			continue
		}
		text, err := w.wholeOutput(ctx, node.InstanceID, s.Name, readReport(s.Stderr).tail)
		if err != nil {
			w.cannotComplete(s, err)
			continue
		}
		w.completed++
		w.r.outputKept += len(text)
		s.Stdout, s.Truncated = text, truncated(s.Stderr, stderrLimit)
	}
}

// cannotComplete says once why output is not complete. A denial holds for all nodes.
func (w *watch) cannotComplete(s *ScriptStepResult, err error) {
	s.Incomplete = err.Error()
	if isDenied(err) {
		w.unreadable = s.Incomplete
	}
	if !w.toldIncomplete {
		w.event(Event{Kind: EventWarning, Message: "the complete output could not be read: " + s.Incomplete})
	}
	w.toldIncomplete = true
}

// whereComplete says for people where a script's complete output lies.
func (w *watch) whereComplete(instance, name string) string {
	if w.step.Output.LogGroup != "" {
		return "log group " + w.step.Output.LogGroup + ", stream " + w.logStream(instance, name)
	}
	return "s3://" + w.step.Output.Bucket + "/" + w.outputKey(instance, name)
}

// logStream is the stream of a script's output, as the agent names it.
func (w *watch) logStream(instance, name string) string {
	return w.sent.id + "/" + instance + "/" + strings.NewReplacer(":", "-", "*", "-").Replace(name) + "/stdout"
}

// outputKey is the key of a script's output, as the agent names it.
func (w *watch) outputKey(instance, name string) string {
	if w.step.Own == nil { // a shared document of schema 1.2, whose one script is number 0 of its plugin
		name = "0.awsrunShellScript"
	}
	key := w.sent.id + "/" + instance + "/awsrunShellScript/" + strings.ReplaceAll(name, ":", "") + "/stdout"
	if prefix := strings.Trim(w.step.Output.Prefix, "/"); prefix != "" {
		key = prefix + "/" + key
	}
	return key
}

// errNotWritten is output that the agent did not write.
var errNotWritten = errors.New("there is nothing: the node's role may not write there, or it is still on its way")

// wholeOutput reads a script's whole output. Where its end is known, it is waited for a short time.
func (w *watch) wholeOutput(ctx context.Context, instance, name, tail string) (string, error) {
	since := w.r.cfg.Now()
	for {
		text, err := w.readWhole(ctx, instance, name)
		switch {
		case err == nil && strings.Contains(text, strings.TrimSpace(lastLine(tail))):
			return text, nil
		case err == nil:
			err = errors.New("its end is still missing there")
		case !errors.Is(err, errNotWritten):
			return "", err
		}
		if w.r.cfg.Now().Sub(since) >= settleWithin || w.r.outputWaited >= settleInAll {
			return "", fmt.Errorf("%s: %w", w.whereComplete(instance, name), err)
		}
		w.r.outputWaited += time.Second
		if err := w.r.sleep(ctx, time.Second); err != nil {
			return "", err
		}
	}
}

// lastLine is the last line of a text that is not empty.
func lastLine(text string) string { return Tail(strings.TrimRight(text, "\n"), 1) }

func (w *watch) readWhole(ctx context.Context, instance, name string) (string, error) {
	if w.step.Output.LogGroup != "" {
		return w.readStream(ctx, w.logStream(instance, name))
	}
	return w.readObject(ctx, w.outputKey(instance, name))
}

// readStream reads a log stream from its head. The service repeats the last token at the end.
func (w *watch) readStream(ctx context.Context, stream string) (string, error) {
	var text strings.Builder
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(w.step.Output.LogGroup), LogStreamName: aws.String(stream),
		StartFromHead: aws.Bool(true)}
	for text.Len() < maxOutput {
		out, err := call(ctx, w.r, w.r.watcher, "logs:GetLogEvents", nil, func(ctx context.Context) (*cloudwatchlogs.GetLogEventsOutput, error) {
			return w.r.watcher.logs.GetLogEvents(ctx, in)
		})
		if errorCode(err) == "ResourceNotFoundException" {
			return "", errNotWritten
		}
		if err != nil {
			return "", err
		}
		for _, e := range out.Events {
			text.WriteString(strings.TrimSuffix(aws.ToString(e.Message), "\n"))
			text.WriteByte('\n')
		}
		if aws.ToString(out.NextForwardToken) == aws.ToString(in.NextToken) {
			break
		}
		in.NextToken = out.NextForwardToken
	}
	if text.Len() == 0 {
		return "", errNotWritten
	}
	return text.String(), nil
}

// readObject reads what the agent put into the bucket.
func (w *watch) readObject(ctx context.Context, key string) (string, error) {
	bucket := steady{r: w.r, a: w.r.watcher, bucket: w.r.watcher.bucket(w.step.Output.Bucket)}
	found, err := bucket.Get(ctx, key)
	if errors.Is(err, record.ErrNotFound) {
		return "", errNotWritten
	}
	if err != nil {
		return "", err
	}
	return string(found.Body[:min(len(found.Body), maxOutput)]), nil
}

package node

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Output is what a script writes, complete, while it does.
type Output struct {
	Plugin string // aws:runShellScript
	// ID is the step's name, or the plugin's in schema 1.2.
	ID string
	// Script tells several scripts of a plugin apart: the step's name, or the property's id in schema 1.2.
	Script string
	// Stdout and Stderr are read only, at offsets of their own.
	Stdout, Stderr *os.File
}

// destination is where a command wants its complete output.
type destination struct {
	n        *Node
	bucket   string
	prefix   string // <OutputS3KeyPrefix>/<command>/<instance>
	logGroup string
	stream   string // <command>/<instance>
}

// destinationOf reads a command's message. The names are made as the agent makes them.
func (n *Node) destinationOf(p sendPayload) *destination {
	d := &destination{n: n, bucket: p.OutputS3BucketName, stream: p.CommandID + "/" + n.cfg.InstanceID,
		prefix: path.Join(p.OutputS3KeyPrefix, p.CommandID, n.cfg.InstanceID)}
	if on, err := strconv.ParseBool(p.CloudWatchOutputEnabled); err == nil && on {
		d.logGroup = p.CloudWatchLogGroupName
		if d.logGroup == "" {
			d.logGroup = "/aws/ssm/" + strings.Map(logGroupRune, p.DocumentName)
		}
	}
	return d
}

// logGroupRune puts a dot in place of what no log group's name may have.
func logGroupRune(c rune) rune {
	if c < 0x80 && (strings.ContainsRune("_-/.#", c) || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
		return c
	}
	return '.'
}

// begin is told of a script that begins. The function that it gives is called when the output is complete, and returns
// when everything is written, or given up: the node's log hears why, the command's result does not tell.
func (d *destination) begin(ctx context.Context, o Output) (end func()) {
	// A command that is cancelled has output all the same.
	ctx = context.WithoutCancel(ctx)
	group := d.logGroup
	if group != "" {
		if err := d.n.logsGroup(ctx, group); err != nil {
			d.n.log("output to log group "+group, err)
			group = ""
		}
	}
	streams := d.stream + "/" + strings.NewReplacer(":", "-", "*", "-").Replace(o.ID)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for name, file := range map[string]*os.File{"stdout": o.Stdout, "stderr": o.Stderr} {
		if group != "" {
			writers.Go(func() { d.n.streamLog(ctx, group, streams+"/"+name, file, stop) })
		}
	}
	return func() {
		close(stop)
		for name, file := range map[string]*os.File{"stdout": o.Stdout, "stderr": o.Stderr} {
			if d.bucket != "" {
				writers.Go(func() { d.upload(ctx, d.key(o, name), file) })
			}
		}
		writers.Wait()
	}
}

// key is the object's: colons are not part of it.
func (d *destination) key(o Output, name string) string {
	return path.Join(d.prefix, withoutColon(o.Plugin), withoutColon(o.Script), name)
}

// replyPrefix is what a reply names as the key prefix of a step.
func (d *destination) replyPrefix(plugin string) string {
	return path.Join(d.prefix, withoutColon(plugin))
}

func withoutColon(s string) string { return strings.ReplaceAll(s, ":", "") }

// upload puts a file into the bucket, unless it is empty.
func (d *destination) upload(ctx context.Context, key string, file *os.File) {
	info, err := file.Stat()
	if err == nil && info.Size() > 0 {
		err = d.n.putObject(ctx, d.bucket, key, io.NewSectionReader(file, 0, info.Size()))
	}
	if err != nil {
		d.n.log("output to s3://"+d.bucket+"/"+key, err)
	}
}

// isCode tells whether a service answered with an error of this code.
func isCode(err error, code string) bool {
	var refusal *apiError
	return errors.As(err, &refusal) && refusal.Code == code
}

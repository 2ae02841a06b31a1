package needs

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// onS3 adds an action on the buckets or objects that a command line names: as s3://bucket/key, or with --bucket and --key.
func (n *Needs) onS3(a asked, c *pipelines.Call, action string) {
	bucket, key, exact := "*", "*", true
	for _, w := range c.Words[1:] {
		text, known := c.Value(w)
		rest, ok := strings.CutPrefix(text, "s3://")
		if !ok {
			if rest, ok = strings.CutPrefix(w.Text, "s3://"); !ok || w.Whole {
				continue
			}
		}
		if bucket != "*" && !reads(action) { // the second path is the one that is written
			bucket, key = "*", "*"
		} else if bucket != "*" {
			break
		}
		bucket, key, _ = strings.Cut(rest, "/")
		exact = known
		if !known && !strings.Contains(rest, "/") {
			bucket += "*"
		}
	}
	if c.Service == "s3api" || bucket == "*" {
		bucket, key, exact = ofFlags(c)
	}
	if types(action, "object") {
		n.need(a, action, exact && !strings.ContainsAny(bucket+key, "*"), "arn:aws:s3:::"+bucket+"/"+objects(c, key, exact))
		return
	}
	n.need(a, action, !strings.Contains(bucket, "*"), "arn:aws:s3:::"+bucket)
}

// objects is the pattern of the objects that a key stands for: all below it, where a command goes through a folder.
func objects(c *pipelines.Call, key string, exact bool) string {
	folder := c.Has("--recursive") || c.Operation == "sync"
	switch {
	case key == "" || !exact:
		return key + "*"
	case folder || strings.HasSuffix(key, "/"):
		return strings.TrimSuffix(key, "/") + "/*"
	}
	return key
}

func ofFlags(c *pipelines.Call) (bucket, key string, exact bool) {
	bucket, key, exact = "*", "*", true
	for _, flag := range []string{"--bucket", "--s3-bucket"} {
		for _, w := range values(c, flag) {
			if text, known := c.Value(w); known && text != "" {
				bucket = text
			}
		}
	}
	for _, w := range values(c, "--key") {
		if text, known := c.Value(w); known && text != "" {
			key = text
		}
	}
	return bucket, key, bucket != "*" && key != "*"
}

func reads(action string) bool {
	return strings.HasPrefix(action, "s3:Get") || strings.HasPrefix(action, "s3:List")
}

// types says whether an action is authorised on a type of resource.
func types(action, name string) bool {
	known, _ := catalog.Lookup(action)
	return slices.ContainsFunc(known.Resources, func(r catalog.ActionResource) bool { return r.Type == name })
}

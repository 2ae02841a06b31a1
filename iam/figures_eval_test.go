package iam_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	command "github.com/slipway-cd/slipway/internal/policy"
)

// evalFigure is about policy eval, with lines of up to 400 bytes whose policies repeat.
func evalFigure(t *testing.T) figure {
	const lines, longest = 10_000, 400
	var input bytes.Buffer
	for i := range lines {
		line := fmt.Sprintf(`{"id":%d,"policies":{"identity":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*",`+
			`"Resource":"arn:aws:s3:::bucket-%d/*"}]}]},"request":{"principal":"arn:aws:iam::111122223333:role/R%d","action":"s3:GetObject",`+
			`"resource":"arn:aws:s3:::bucket-1/key-%d","account":"111122223333","context":{"aws:SourceIp":"10.0.0.%d"}}}`+"\n", i, i%20, i%7, i, i%200)
		if len(line) > longest {
			t.Fatalf("a line of %d bytes", len(line))
		}
		input.WriteString(line)
	}
	text := input.Bytes()
	var answers bytes.Buffer
	if err := command.Eval(bytes.NewReader(text), &answers); err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(answers.Bytes(), []byte(`"decision":"Allowed"`)); got != lines/20 {
		t.Fatalf("%d lines are allowed, want %d: %.300s", got, lines/20, answers.Bytes())
	}
	return figure{
		name: "policy eval, on one core", unit: "lines/s", target: 100_000, cores: 1, perRun: lines,
		benchmark: func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := command.Eval(bytes.NewReader(text), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		},
	}
}

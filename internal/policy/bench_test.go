package policy_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/slipway-cd/slipway/internal/policy"
)

// repeatingLines are n lines of at most 400 bytes: a few sets of policies, and requests that differ.
func repeatingLines(tb testing.TB, n int) []byte {
	tb.Helper()
	var lines bytes.Buffer
	for i := range n {
		line := fmt.Sprintf(`{"id":%d,"policies":{"identity":[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:SendCommand","ssm:Get*"],`+
			`"Resource":"arn:aws:ec2:*:*:instance/i-%d"}]}]},"request":{"principal":"arn:aws:sts::111122223333:assumed-role/Deploy/r",`+
			`"action":"ssm:SendCommand","resource":"arn:aws:ec2:eu-west-1:111122223333:instance/i-%d","context":{"aws:RequestedRegion":"eu-west-%d"}}}`,
			i, i%7, i%10, i%3)
		if len(line) > 400 {
			tb.Fatalf("a line of %d bytes", len(line))
		}
		lines.WriteString(line + "\n")
	}
	return lines.Bytes()
}

// BenchmarkEvalLines reports how many lines a second one core answers.
func BenchmarkEvalLines(b *testing.B) {
	const n = 10_000
	input := repeatingLines(b, n)
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Eval(bytes.NewReader(input), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(0, "ns/op")
}

// TestEvalAllocations gates on what a line costs once its policies are known: its text, and for two decisive
// statements or more their list.
func TestEvalAllocations(t *testing.T) {
	const most = 2
	lines := bytes.Split(bytes.TrimSpace(repeatingLines(t, 100)), []byte("\n"))
	var (
		evaluator policy.Evaluator
		answer    []byte
	)
	for _, line := range lines {
		answer = evaluator.Append(answer[:0], line)
	}
	i := 0
	got := testing.AllocsPerRun(1000, func() {
		answer = evaluator.Append(answer[:0], lines[i%len(lines)])
		i++
	})
	if got > most {
		t.Errorf("%.1f allocations a line, want at most %d", got, most)
	}
	if !bytes.Contains(answer, []byte(`"decision":"Allowed"`)) && !bytes.Contains(answer, []byte(`"decision":"ImplicitlyDenied"`)) {
		t.Errorf("the last answer is %s", answer)
	}
}

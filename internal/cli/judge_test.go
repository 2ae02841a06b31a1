package cli

import "testing"

// TestJudgeForgets: what one command line said is not taken for what the next one says.
func TestJudgeForgets(t *testing.T) {
	t.Parallel()
	lines := []struct {
		args  []string
		wrong bool
	}{
		{[]string{"deploy", "--stage", "dev", "--local"}, false},
		{[]string{"deploy", "--help"}, false},
		{[]string{"deploy", "--locl"}, true},
		{[]string{"cancel"}, false},
		{[]string{"ci", "render"}, true}, // github or codebuild is asked for
		{[]string{"ci", "render", "github"}, false},
		{[]string{"ci", "render"}, true},
		{[]string{"lint", "--baseline", "a"}, false},
		{[]string{"nosuch"}, true},
		{[]string{"version"}, false},
	}
	judge := newJudge()
	for round := range 2 {
		for _, line := range lines {
			fresh, again := newJudge()(line.args), judge(line.args)
			if (fresh != nil) != line.wrong || (again != nil) != line.wrong {
				t.Errorf("round %d, %v: fresh %v, again %v; want wrong %v", round, line.args, fresh, again, line.wrong)
			}
		}
	}
}

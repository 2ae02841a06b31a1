package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/slipway-cd/slipway/internal/ci"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

type initCommand struct {
	File       string   `short:"f" default:"slipway.yaml" placeholder:"FILE" help:"The release file to write (default: slipway.yaml)."`
	App        string   `placeholder:"NAME" help:"Name of the application (default: that of the repository or the folder)."`
	Region     string   `placeholder:"REGION" help:"Region of the stages."`
	Account    []string `placeholder:"NAME=ID" help:"An AWS account: a short name and 12 digits. Repeatable."`
	Repository string   `placeholder:"OWNER/NAME" help:"The GitHub repository that deploys (default: git's remote; none where there is none)."`
	Stage      []string `placeholder:"NAME" help:"A stage, in order; it ships to the account of the same name, or else to the first. Repeatable."`
	Yes        bool     `short:"y" help:"Ask nothing: take what is known, and defaults."`
	Force      bool     `help:"Overwrite the release file."`
}

// Help shows examples under `slipway init --help`.
func (initCommand) Help() string {
	return `Writes a commented release file, with deploy/release.sh and deploy/healthy.sh where they are not there, that works in a local
AWS at once. It reads git's remote and the workflows in .github/workflows, as well as that goes, says what it took from
where, and asks for the rest on a terminal.

Examples:
  slipway init
  slipway init --app shop --region eu-west-1 --account dev=111111111111 --account prod=222222222222 --stage dev --stage prod
  slipway init --yes && slipway deploy --local`
}

// Run writes the files of a first release.
func (c *initCommand) Run(process *Process) error {
	if _, err := os.Stat(c.File); err == nil && !c.Force {
		return usage(fmt.Errorf("%s is there already", c.File), "slipway plan tells what the one that is there does; --force writes another one over it")
	}
	folder := filepath.Dir(c.File)
	scaffold, err := c.scaffold(process, folder)
	if err != nil {
		return err
	}
	files := scaffold.Files()
	if err := checkScaffold(files); err != nil {
		return err
	}
	for i, file := range files {
		path := filepath.Join(folder, filepath.FromSlash(file.Name))
		if i == 0 {
			path = c.File
		}
		if err := writeNew(process, path, file.Content, i == 0 && c.Force); err != nil {
			return err
		}
	}
	return c.next(process, scaffold)
}

// checkScaffold reads back what is about to be written: what a user answered must make a release that loads.
func checkScaffold(files []ci.File) error {
	dir, err := os.MkdirTemp("", "slipway-init-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, file := range files {
		path := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(file.Content), 0o644)); err != nil {
			return err
		}
	}
	r, err := release.Parse(files[0].Name, []byte(files[0].Content), release.Options{Files: os.DirFS(dir)})
	if err == nil {
		_, err = plan.New(r)
	}
	if err != nil {
		return usage(fmt.Errorf("nothing was written: the answers make a release that does not load:\n%w", err), "give other answers")
	}
	return nil
}

// scaffold joins flags, what is there already, and answers.
func (c *initCommand) scaffold(process *Process, folder string) (ci.Scaffold, error) {
	accounts, err := parseAccounts(c.Account)
	if err != nil {
		return ci.Scaffold{}, err
	}
	repository, learned, err := c.look(process, folder)
	if err != nil {
		return ci.Scaffold{}, err
	}
	ask := &questions{process: process, silent: c.Yes || !isTerminalInput(process.Stdin)}
	s := ci.Scaffold{Repository: cmp.Or(c.Repository, repository)}
	s.Stages = c.stages(learned, accounts)
	if err := c.tell(process, learned.Notes, s.Stages); err != nil {
		return ci.Scaffold{}, err
	}
	if !ask.silent { // what flags say is wrong before anything is asked
		if err := checkScaffold(neutral(c.App, c.Region, s.Repository, s.Stages).Files()); err != nil {
			return ci.Scaffold{}, err
		}
	}
	s.App = ask.unless(c.App, "name of the application", appName(s.Repository, folder, s.Stages), func(app string) error {
		return checkScaffold(neutral(app, "", "", s.Stages).Files())
	})
	s.Region = ask.unless(c.Region, "region", regionOf(process, s.Stages), func(region string) error {
		return checkScaffold(neutral("", region, "", s.Stages).Files())
	})
	for i := range s.Stages {
		if st := &s.Stages[i]; st.AccountID == "" {
			st.AccountID = ask.unless(knownID(s.Stages, st.Account), "account id of "+st.Account+", 12 digits", ci.PlaceholderAccount, wantAccount)
		}
	}
	if s.Repository == "" {
		s.Repository = ask.unless("", "GitHub repository, owner/name; empty for none", "", func(repository string) error {
			return checkScaffold(neutral("", "", repository, s.Stages).Files())
		})
	}
	return s, ask.err
}

// neutral is a scaffold in which what is not given is right, so that what is wrong is what was given.
func neutral(app, region, repository string, stages []ci.Stage) ci.Scaffold {
	s := ci.Scaffold{App: cmp.Or(app, "x"), Region: cmp.Or(region, "eu-west-1"), Repository: repository, Stages: slices.Clone(stages)}
	for i := range s.Stages {
		s.Stages[i].AccountID = cmp.Or(s.Stages[i].AccountID, ci.PlaceholderAccount)
	}
	return s
}

func wantAccount(id string) error {
	if !accountDigits.MatchString(id) {
		return fmt.Errorf("%q is not an account id, 12 digits", id)
	}
	return nil
}

// tell says what was taken from workflows; not what flags say otherwise.
func (c *initCommand) tell(process *Process, notes []string, stages []ci.Stage) error {
	for _, note := range notes {
		kind, value, _ := strings.Cut(note[strings.LastIndex(note, ": ")+2:], " ")
		taken := true
		switch kind {
		case "account":
			taken = slices.ContainsFunc(stages, func(s ci.Stage) bool { return s.AccountID == value })
		case "environment":
			taken = slices.ContainsFunc(stages, func(s ci.Stage) bool { return s.Name == value })
		}
		if !taken {
			continue
		}
		if _, err := fmt.Fprintln(process.Stderr, note); err != nil {
			return err
		}
	}
	return nil
}

// account is a --account.
type account struct{ name, id string }

func parseAccounts(flags []string) ([]account, error) {
	var accounts []account
	for _, flag := range flags {
		name, id, ok := strings.Cut(flag, "=")
		if !ok || name == "" || !accountDigits.MatchString(id) {
			return nil, usage(fmt.Errorf("--account %s: want NAME=ID, the id with 12 digits", flag), "for example --account dev=111111111111")
		}
		accounts = append(accounts, account{name, id})
	}
	return accounts, nil
}

var accountDigits = regexp.MustCompile(`^[0-9]{12}$`)

// stages are those of --stage, or those that workflows have, or one. Each has an account's name.
func (c *initCommand) stages(learned ci.Learned, accounts []account) []ci.Stage {
	var stages []ci.Stage
	names := c.Stage
	if len(names) == 0 {
		for _, stage := range learned.Stages {
			names = append(names, cmp.Or(stage.Name, "dev"))
		}
	}
	if len(names) == 0 {
		for _, a := range accounts {
			names = append(names, a.name)
		}
	}
	if len(names) == 0 {
		names = []string{"dev"}
	}
	for _, name := range names {
		stage := ci.Stage{Name: name, Account: name}
		if at := slices.IndexFunc(learned.Stages, func(l ci.Stage) bool { return cmp.Or(l.Name, "dev") == name }); at >= 0 {
			stage = learned.Stages[at]
			stage.Name, stage.Account = name, name
		}
		if at := accountOf(accounts, name); at >= 0 {
			stage.Account, stage.AccountID, stage.Given = accounts[at].name, accounts[at].id, true
		}
		stages = append(stages, stage)
	}
	return stages
}

// accountOf is the account of a stage's name, or else the first; -1 where there is none.
func accountOf(accounts []account, stage string) int {
	if at := slices.IndexFunc(accounts, func(a account) bool { return a.name == stage }); at >= 0 {
		return at
	}
	return min(len(accounts), 1) - 1
}

// knownID is the id of an account that another stage has already.
func knownID(stages []ci.Stage, name string) string {
	for _, stage := range stages {
		if stage.Account == name && stage.AccountID != "" {
			return stage.AccountID
		}
	}
	return ""
}

// regionOf is the region of workflows, or of the environment, or one to begin with.
func regionOf(process *Process, stages []ci.Stage) string {
	for _, stage := range stages {
		if stage.Region != "" {
			return stage.Region
		}
	}
	return cmp.Or(process.Getenv("AWS_REGION"), process.Getenv("AWS_DEFAULT_REGION"), "eu-west-1")
}

var notInAName = regexp.MustCompile(`[^a-z0-9]+`)

// appName makes a name of a repository's or a folder's, without the stages, which slipway adds.
func appName(repository, folder string, stages []ci.Stage) string {
	name := repository[strings.LastIndex(repository, "/")+1:]
	if name == "" {
		if absolute, err := filepath.Abs(folder); err == nil {
			name = filepath.Base(absolute)
		}
	}
	words := strings.Split(strings.Trim(notInAName.ReplaceAllString(strings.ToLower(name), "-"), "-"), "-")
	words = slices.DeleteFunc(words, func(word string) bool {
		return slices.ContainsFunc(stages, func(s ci.Stage) bool { return s.Name == word })
	})
	name = strings.TrimLeft(strings.Join(words, "-"), "0123456789-")
	const most = 32
	name = strings.TrimRight(name[:min(len(name), most)], "-")
	if name == "" || release.ReservedPrefix(name) != "" {
		return "app"
	}
	return name
}

// writeNew writes a file that is not there. One that is there stays, and that is said.
func writeNew(process *Process, path, content string, overwrite bool) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flags, 0o644)
	if errors.Is(err, fs.ErrExist) {
		_, err = fmt.Fprintln(process.Stderr, "kept ", path)
		return err
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = io.WriteString(file, content)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = fmt.Fprintln(process.Stderr, "wrote", path)
	return err
}

// next says what to do with what was written.
func (c *initCommand) next(process *Process, s ci.Scaffold) error {
	file := ""
	if c.File != defaultReleaseFile {
		file = " -f " + shellWord(c.File)
	}
	local := " --local --data " + ci.LocalData + file
	steps := [][2]string{
		{"slipway prove" + file, "the roles that it needs allow every call"},
		{"slipway deploy" + local, "all of it, in an AWS in this process"},
		{"slipway deploy" + local + " --set version=broken", "what a failure looks like"},
		{"slipway rollback" + local, "back to what worked"},
		{"slipway roles render" + file, "the roles, each statement with its reason"},
	}
	if s.Repository != "" {
		steps = append(steps, [2]string{"slipway ci render github" + file + " --out .github/workflows/slipway.yml", "the workflow that ships it"})
	}
	width := 0
	for _, step := range steps {
		width = max(width, len(step[0]))
	}
	var b strings.Builder
	b.WriteString("\nNext:\n")
	for _, step := range steps {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, step[0], step[1])
	}
	b.WriteString("Then put your own application into deploy/release.sh and deploy/healthy.sh.\n")
	if slices.ContainsFunc(s.Stages, ci.Stage.MadeUp) {
		fmt.Fprintf(&b, "The account %s is made up: --local works with it, AWS does not.\n", ci.PlaceholderAccount)
	}
	_, err := io.WriteString(process.Stderr, b.String())
	return err
}

// questions are asked on a terminal, and have defaults.
type questions struct {
	process *Process
	silent  bool
	lines   *bufio.Reader
	err     error
}

// unless gives what is known, or else the answer to a question, which is asked again until check takes the answer.
func (q *questions) unless(known, question, otherwise string, check func(string) error) string {
	for {
		answer := q.once(known, question, otherwise)
		if known != "" || q.silent || q.err != nil {
			return answer
		}
		err := check(answer)
		if err == nil {
			return answer
		}
		if _, err := fmt.Fprintln(q.process.Stderr, "  "+whyNot(err)); err != nil {
			q.err = err
		}
	}
}

// whyNot is what is wrong with an answer, without the place in a file that is not written yet.
func whyNot(err error) string {
	var wrong *release.Error
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	if wrong.Hint == "" {
		return wrong.Message
	}
	return wrong.Message + "; " + wrong.Hint
}

// once asks one time.
func (q *questions) once(known, question, otherwise string) string {
	if known != "" || q.silent || q.err != nil {
		return cmp.Or(known, otherwise)
	}
	if q.lines == nil {
		q.lines = bufio.NewReader(q.process.Stdin)
	}
	if _, err := fmt.Fprintf(q.process.Stderr, "%s [%s]: ", question, otherwise); err != nil {
		q.err = err
		return otherwise
	}
	line, err := q.lines.ReadString('\n')
	if errors.Is(err, io.EOF) { // nobody is there to answer
		q.silent = true
	} else if err != nil {
		q.err = fmt.Errorf("read the answer: %w", err)
	}
	return cmp.Or(strings.TrimSpace(line), otherwise)
}

// isTerminalInput says whether a person may be asked.
func isTerminalInput(r io.Reader) bool {
	file, ok := r.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

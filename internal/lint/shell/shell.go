package shell

import "path"

// use is one call of AWS in a script.
type use struct {
	file         string
	line, column int
	// command in short: aws ssm get-parameter.
	command string
	// actions that it needs; untold says why they are not known, and is empty where they are.
	actions []string
	untold  string
	// unread is set where no call is known, because the script was not read.
	unread *Unread
}

// uses finds the calls of AWS in a script. One of another language than the shell has none that are seen.
func (s script) uses() []use {
	p := Analyze(Sequence{Scripts: []Script{{File: s.file, Text: s.content}}})
	var found []use
	for i := range p.Calls {
		found = append(found, p.Calls[i].uses()...)
	}
	for i := range p.Unread {
		u := &p.Unread[i]
		found = append(found, use{line: u.Line, column: u.Column, command: "the script", untold: u.Why, unread: u})
	}
	if s.line > 0 {
		for i := range found {
			found[i].line, found[i].column = s.line, 1
		}
	}
	return found
}

// uses is what one call needs: nothing, or one use.
func (c *Call) uses() []use {
	at := use{file: c.File, line: c.Line, column: c.Column}
	switch path.Base(c.Words[0].Text) {
	case "aws":
		return at.of(c.Words[1:])
	case "docker", "podman", "nerdctl":
		return at.ofDocker(c.Words[1:])
	case "sh", "bash", "dash":
		if text, _, _ := argumentOf(c.Words[1:]); text != nil && !text.Whole && hasAWS(text.Written) {
			return []use{at.cannot("sh -c", "what it runs is put together while it runs")}
		}
	}
	return nil
}

func (u use) cannot(command, why string) use {
	u.command, u.untold = command, why
	return u
}

func (u use) needs(command string, actions ...string) use {
	u.command, u.actions = command, actions
	return u
}

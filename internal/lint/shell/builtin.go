package shell

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// run is what a command does.
type run func(s *state, c *syntax.CallExpr, args []value) flow

var builtins map[string]run

func init() { // they run each other
	builtins = map[string]run{
		":": succeed, "true": succeed, "false": fail, "echo": echo, "printf": printf, "[": test, "test": test, "exit": exit, "return": leaveFunction,
		"break": leaveLoop, "continue": leaveLoop, "set": set, "shift": shift, "trap": trap, "wait": wait, "eval": eval, ".": include, "source": include,
		"read": read, "mapfile": mapfile, "readarray": mapfile, "unset": unset, "local": declareWords, "export": declareWords, "readonly": declareWords,
		"shopt": succeed, "umask": succeed, "cd": succeed, "pushd": succeed, "popd": succeed, "jobs": jobs, "kill": succeed, "exec": execute,
		"command": commandOf, "type": known, "hash": known, "which": known, "alias": succeed, "let": succeed,
	}
}

func succeed(s *state, _ *syntax.CallExpr, _ []value) flow { s.status = 0; return onward }
func fail(s *state, _ *syntax.CallExpr, _ []value) flow    { s.status = 1; return onward }

func echo(s *state, c *syntax.CallExpr, args []value) flow {
	end, escaped := "\n", false
	args = args[1:]
	for len(args) > 0 && (args[0].s == "-n" || args[0].s == "-e" || args[0].s == "-ne" || args[0].s == "-en" || args[0].s == "-E") {
		if strings.Contains(args[0].s, "n") {
			end = ""
		}
		escaped = escaped || strings.Contains(args[0].s, "e")
		args = args[1:]
	}
	v := joined(args)
	if escaped {
		v.s = escapes(v.s)
	}
	s.status = 0
	s.print(cat(v, text(end)), s.source.at(c))
	return onward
}

// printf fills a format's %s and its like; a format is used again while there are arguments.
func printf(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	to := ""
	if len(args) > 2 && args[1].s == "-v" {
		to, args = args[2].s, args[2:]
	}
	if len(args) < 2 {
		return onward
	}
	format, rest := escapes(args[1].s), args[2:]
	v := value{from: args[1].from}
	for rounds := 0; rounds < 64; rounds++ {
		n := len(rest)
		v, rest = fill(v, format, rest)
		if len(rest) == 0 || len(rest) == n {
			break
		}
	}
	if to != "" {
		s.set(to, v)
		return onward
	}
	s.print(v, s.source.at(c))
	return onward
}

// fill is one use of a format.
func fill(v value, format string, args []value) (value, []value) {
	for {
		before, after, ok := strings.Cut(format, "%")
		v = cat(v, text(before))
		if !ok {
			return v, args
		}
		verb := strings.IndexFunc(after, func(r rune) bool { return r == '%' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '(' })
		if verb < 0 {
			return v, args
		}
		switch {
		case after[verb] == '%':
			v = cat(v, text("%"))
		case len(args) > 0:
			v, args = cat(v, args[0]), args[1:]
		}
		format = after[verb+1:]
	}
}

func test(s *state, c *syntax.CallExpr, args []value) flow {
	if args[0].s == "[" && args[len(args)-1].s == "]" {
		args = args[:len(args)-1]
	}
	s.status = boolCode(s.test(args[1:], c))
	return onward
}

// code is the number behind exit and return: the last one where there is none.
func (s *state) code(args []value) int {
	if len(args) < 2 {
		return s.status
	}
	n, err := strconv.Atoi(args[1].s)
	if err != nil { // not known: some failure, or success; a script that computes a code has a reason to
		return 1
	}
	return n & 255
}

func exit(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = s.code(args)
	return flow{kind: exits}
}

func leaveFunction(s *state, _ *syntax.CallExpr, args []value) flow {
	s.status = s.code(args)
	return flow{kind: returns}
}

func leaveLoop(s *state, _ *syntax.CallExpr, args []value) flow {
	n := 1
	if len(args) > 1 {
		n, _ = strconv.Atoi(args[1].s)
	}
	s.status = 0
	if args[0].s == "break" {
		return flow{kind: breaks, loops: max(1, n)}
	}
	return flow{kind: continues, loops: max(1, n)}
}

package iam

import "fmt"

// SyntaxError says what is wrong with a policy document, and where.
type SyntaxError struct {
	File         string
	Line, Column int // both zero when the place is not known
	Message      string
}

// Error prints file:line:column: message.
func (e *SyntaxError) Error() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	case e.File != "":
		return e.File + ": " + e.Message
	default:
		return e.Message
	}
}

// syntaxErrorf makes the error for a place in the named document.
func syntaxErrorf(file string, pos Position, format string, args ...any) *SyntaxError {
	return &SyntaxError{File: file, Line: pos.Line, Column: pos.Column, Message: fmt.Sprintf(format, args...)}
}

package iam

import "fmt"

// Code names a class of findings. The words are stable: programs may compare them, and users may search for them.
type Code string

// The codes of what is found in a policy document.
const (
	CodeNotJSON         Code = "not-json"             // the text is not JSON (RFC 8259)
	CodeNotYAML         Code = "not-yaml"             // the text is not one YAML document
	CodeTooLarge        Code = "too-large"            // longer or deeper than is read
	CodeDuplicateKey    Code = "duplicate-key"        // an object has two elements of one name
	CodeUnknownElement  Code = "unknown-element"      // an element that the policy language does not have
	CodeMissingElement  Code = "missing-element"      // no Statement, Effect or Action
	CodeConflict        Code = "conflicting-elements" // both an element and its Not form
	CodeWrongType       Code = "wrong-type"           // for example a number where a string is wanted
	CodeWrongValue      Code = "wrong-value"          // for example an effect other than Allow and Deny
	CodeEmpty           Code = "empty-value"          // an empty list, string or Principal
	CodeNulCharacter    Code = "nul-character"        // U+0000 in a string
	CodeIntrinsic       Code = "intrinsic"            // a value that only CloudFormation knows
	CodeYAMLTag         Code = "yaml-tag"             // a tag that is not one of CloudFormation's
	CodeYAMLAlias       Code = "yaml-alias"           // aliases that expand to too much, or a bad merge key
	CodeTooManyFindings Code = "too-many-findings"    // the rest of the findings is left out
	CodeInvalid         Code = "invalid"              // what [Compile] and [Document.Validate] find
	CodeQuotaSize       Code = "quota-size"           // more characters than AWS stores
	CodeQuotaCount      Code = "quota-count"          // more policies than AWS attaches
)

// SyntaxError says what is wrong with a policy document, and where.
type SyntaxError struct {
	File         string
	Line, Column int  // both zero when the place is not known
	Code         Code // the class of the finding
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

// syntaxErrorf makes the error for a place in the named document, with [CodeInvalid].
func syntaxErrorf(file string, pos Position, format string, args ...any) *SyntaxError {
	return newFinding(file, pos, CodeInvalid, format, args...)
}

// newFinding makes the error for a place in the named document.
func newFinding(file string, pos Position, code Code, format string, args ...any) *SyntaxError {
	return &SyntaxError{File: file, Line: pos.Line, Column: pos.Column, Code: code, Message: fmt.Sprintf(format, args...)}
}

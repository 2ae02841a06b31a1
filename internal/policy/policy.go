// Package policy is what `slipway policy` does: it answers requests line by line, explains one, prints policies
// canonically, and tells a reviewer what a change of a policy adds.
//
// Bytes and values come in, values and bytes go out: the package opens no files and knows no flags. The engine is
// package iam; here is only what stands between it and the command line.
package policy

package ship

import (
	"context"
	"errors"
)

// The codes of a [Problem], and of a [StepResult] that was stopped. They are stable: scripts may depend on them.
const (
	CodeNoTargets      = "NO_TARGETS"
	CodeUnreachable    = "NODE_UNREACHABLE"
	CodeCredentials    = "NO_CREDENTIALS"
	CodeExpired        = "CREDENTIALS_EXPIRED"
	CodeWrongAccount   = "WRONG_ACCOUNT"
	CodeAccessDenied   = "ACCESS_DENIED"
	CodeThrottled      = "THROTTLED"
	CodeNoAnswer       = "NO_ANSWER"
	CodeTimeout        = "TIMEOUT"
	CodeLostAnswer     = "LOST_ANSWER"
	CodeDocument       = "DOCUMENT"
	CodeLockHeld       = "LOCK_HELD"
	CodeLockLost       = "LOCK_LOST"
	CodeEarlierRunning = "EARLIER_RUNNING"
	CodeEarlierUnknown = "EARLIER_UNKNOWN"
	CodeNotFound       = "COMMAND_NOT_FOUND"
	CodeHealth         = "HEALTH_CONSTRAINT"
	CodeMaxFailures    = "MAX_FAILURES"
	CodeCheck          = "VALIDATION_FAILED"
	CodeAlarm          = "ALARM"
	CodeCancelled      = "CANCELLED"
	CodeUnreadable     = "RESULT_UNREADABLE"
	CodeAWS            = "AWS_ERROR"
	CodeNoRecord       = "NO_RECORD"
	CodeNoDeploy       = "NO_DEPLOY"
	CodeNotRepeatable  = "NOT_REPEATABLE"
	CodeNotDetachable  = "NOT_DETACHABLE"
	CodeNotProved      = "NOT_PROVED"
	CodeHook           = "HOOK_FAILED"
)

// The codes of a [NodeResult] and a [ScriptStepResult]; those that the wrapper on the node gives are its own words.
const (
	CodeScriptFailed     = "SCRIPT_FAILED"
	CodeScriptTimedOut   = "SCRIPT_TIMED_OUT"
	CodeScriptKilled     = "SCRIPT_KILLED"
	CodeScriptCancelled  = "SCRIPT_CANCELLED"
	CodeScriptMissing    = "SCRIPT_MISSING"
	CodeChecksum         = "CHECKSUM_MISMATCH"
	CodeUserMissing      = "USER_MISSING"
	CodeUserDenied       = "USER_DENIED"
	CodeDirectoryMissing = "DIRECTORY_MISSING"
	CodeNodeLocked       = "NODE_LOCKED"
)

// Codes explains every code, for docs/error-codes.md.
var Codes = []struct{ Code, Meaning string }{
	{CodeNoTargets, "The targets match no node, fewer than `min`, or it is not known which."},
	{CodeUnreachable, "A node is not registered with Systems Manager, has lost its connection, or cannot run the commands."},
	{CodeCredentials, "There are no AWS credentials."},
	{CodeExpired, "The credentials have expired, and could not be renewed."},
	{CodeWrongAccount, "The credentials are of another account than the stage."},
	{CodeAccessDenied, "A permission is missing; `statement` is the one to add."},
	{CodeThrottled, "AWS refused a call as one too many for as long as slipway waits for that."},
	{CodeNoAnswer, "AWS did not answer, or answered with a failure of its own, for as long as slipway waits for that."},
	{CodeTimeout, "A command was not done on every node when its own limits were over; or the time that `--timeout` gave the deploy was."},
	{CodeLostAnswer, "The answer to SendCommand was lost and the command was not found: it may have been sent, and is not sent again."},
	{CodeDocument, "The SSM document cannot be sent as it was meant."},
	{CodeLockHeld, "Somebody else holds the stage's lock."},
	{CodeLockLost, "The stage's lock was lost while the deploy ran."},
	{CodeEarlierRunning, "An earlier command of the stage is still running."},
	{CodeEarlierUnknown, "What an earlier command of the stage did is not known."},
	{CodeNotFound, "Run Command does not know the command, or it is not the stage's."},
	{CodeHealth, "`min-healthy` lets no node be taken out of service."},
	{CodeMaxFailures, "More nodes did not succeed than `max-failures` allows: no further batch was begun."},
	{CodeCheck, "A batch did not pass its validation after the pause: no further batch was begun."},
	{CodeAlarm, "The rollout's alarm went off: no further batch was begun."},
	{CodeCancelled, "The deploy was interrupted, or somebody cancelled it."},
	{CodeUnreadable, "Whether results can be read is not known, or reading them failed."},
	{CodeAWS, "AWS refused a call for a reason of its own; `message` has it."},
	{CodeNoRecord, "What was asked for takes a record, and the release names none."},
	{CodeNoDeploy, "The record has no such deploy: none in progress, none recorded, or none that succeeded."},
	{CodeNotRepeatable, "What an earlier deploy shipped cannot be shipped again from its record."},
	{CodeNotDetachable, "The stage is more than one command: with `--detach` nobody would send the others."},
	{CodeNotProved, "The roles are not proved to allow a rollback."},
	{CodeHook, "The hook that runs before the deploy refused it, or could not be run."},
	{CodeScriptFailed, "A script ended with an exit code other than 0."},
	{CodeScriptTimedOut, "A script was not done when its `timeout` was over, and was ended."},
	{CodeScriptKilled, "A script, or what it ran, was killed (exit code 137): mostly because memory ran out."},
	{CodeScriptCancelled, "A script was ended because its command was cancelled."},
	{CodeScriptMissing, "A script that travels through the record's bucket did not arrive on the node."},
	{CodeChecksum, "A script that travels through the record's bucket is not the release's: it was not run."},
	{CodeUserMissing, "The user of `run-as` does not exist on the node."},
	{CodeUserDenied, "The agent on the node cannot run a script as the user of `run-as`."},
	{CodeDirectoryMissing, "The `working-directory` does not exist on the node, or cannot be entered."},
	{CodeNodeLocked, "Another deploy of the app still ran on the node: nothing was run."},
}

// codeOf is the code of an error that has none of its own.
func codeOf(err error) string {
	var failed *callError
	switch {
	case errors.Is(err, context.Canceled):
		return CodeCancelled
	case !errors.As(err, &failed):
		return ""
	}
	switch classify(failed.err) {
	case denied:
		return CodeAccessDenied
	case expired:
		return CodeExpired
	case throttled:
		return CodeThrottled
	case broken:
		return CodeNoAnswer
	}
	return CodeAWS
}

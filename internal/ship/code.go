package ship

// The codes of a [Problem]. They are stable: scripts may depend on them.
const (
	CodeNoTargets      = "NO_TARGETS"
	CodeUnreachable    = "NODE_UNREACHABLE"
	CodeCredentials    = "NO_CREDENTIALS"
	CodeWrongAccount   = "WRONG_ACCOUNT"
	CodeAccessDenied   = "ACCESS_DENIED"
	CodeThrottled      = "THROTTLED"
	CodeTimeout        = "TIMEOUT"
	CodeLostAnswer     = "LOST_ANSWER"
	CodeLockHeld       = "LOCK_HELD"
	CodeLockLost       = "LOCK_LOST"
	CodeEarlierUnknown = "EARLIER_UNKNOWN"
	CodeEarlierRunning = "EARLIER_RUNNING"
	CodeHealth         = "HEALTH_CONSTRAINT"
	CodeMaxFailures    = "MAX_FAILURES"
	CodeCheck          = "VALIDATION_FAILED"
	CodeAlarm          = "ALARM"
	CodeCancelled      = "CANCELLED"
	CodeUnreadable     = "RESULT_UNREADABLE"
	CodeAWS            = "AWS_ERROR"
)

package worker

import "time"

// milliseconds is the time of a record's timestamp.
func milliseconds(ms int64) time.Time { return time.UnixMilli(ms) }

package graph

// Processor is one step of a topology: the built-in steps are written against this interface, and users' own have the
// same standing. There is one instance for each task, and only one goroutine at a time calls it.
//
// Process is all that it must have. What else it can do it says with further methods, each in an interface of its own:
// Initializing, Closing, Remembering, Committing, Advancing and Settling. Build refuses a processor with a method of
// one of their names that nothing would call: its signature is another, or it belongs to a processor within.
//
// An error that Process, or a punctuation, returns, or a panic in it, takes back whatever the record did: its outputs
// and its writes to stores. What happens then is the application's error policy.
type Processor[KIn, VIn, KOut, VOut any] interface {
	// Process takes one record; it passes results on with Context.Forward.
	Process(ctx *Context[KOut, VOut], r Record[KIn, VIn]) error
}

// Initializing is implemented by a processor that has something to do before its first record: to open stores, to
// enter punctuations. C is the context that its Process has: *Context[KOut, VOut], or *FixedKeyContext[K, VOut].
type Initializing[C any] interface {
	// Init is called once, with the stores open and restored, on steps downstream first. There is no record to leave out
	// for an error here: it ends the application, whatever the error policy.
	Init(ctx C) error
}

// Closing is implemented by a processor that has something to give back.
type Closing interface {
	// Close is called once, when the task ends, unless Init has failed. It forwards nothing.
	Close() error
}

// Remembering is implemented by a processor that keeps something in memory of its own from record to record. Stores
// need nothing of the kind.
type Remembering interface {
	// Mark makes the present memory the one that Undo returns to. It is called after Init, and before each record and
	// punctuation of the task, whether or not they get here.
	Mark()
	// Undo takes back what has changed since Mark: the record has failed.
	Undo()
}

// Committing is implemented by a processor that has something to say before each commit. C is the context that its
// Process has. What it forwards then is part of the commit. Memory that it clears there needs no care: if the commit
// fails, the task begins anew from the one before.
type Committing[C any] interface {
	// BeforeCommit is called if there is anything to commit, on steps upstream first. There is no record to leave out for
	// an error here, its own or that of a step downstream: it ends the application, whatever the error policy.
	BeforeCommit(ctx C) error
}

// Advancing is implemented by a processor that acts as time moves on, whichever input moves it. C is the context that
// its Process has.
type Advancing[C any] interface {
	// Advance is called before each record of the task, with the record's timestamp in milliseconds, on steps upstream
	// first. What it does is part of the record, and its error one of the record.
	Advance(ctx C, timestamp int64) error
}

// Settling is implemented by a processor that holds back what it has to say of a record until that has been through all
// steps of the task. C is the context that its Process has.
type Settling[C any] interface {
	// Settle is called after each record and punctuation, after what Init forwarded and after each call of Advance and
	// BeforeCommit, on steps upstream first. What it forwards is part of the record, and its error one of the record.
	Settle(ctx C) error
}

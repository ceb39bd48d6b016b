package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Login is a value of the topic logins: someone tried to log in to an account, which is the key.
type Login struct {
	From string `json:"from"`
	OK   bool   `json:"ok"`
}

// Lock says that an account is locked, which is the key: it had too many failures.
type Lock struct {
	From []string `json:"from"` // where the failures came from, oldest first
}

// Failure is a login that failed. A row of the store has those of an account since its last success.
type Failure struct {
	At   int64 // milliseconds
	From string
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Logins   = streams.NewTopic("logins", serde.String, serde.JSON[Login]())
	Failures = state.NewKeyValue("failures", serde.String, serde.Msgpack[[]Failure]())
	Locks    = streams.NewTopic("account-locks", serde.String, serde.JSON[Lock]())
)

const (
	limit  = 3
	within = 10 * time.Minute
)

// Build describes the job: an account whose logins fail three times within ten minutes, with no success in between, is
// locked. No operator does that, so it is a processor with a store of its own.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("login-lock")
	locks := streams.Process(streams.From(b, Logins), func() streams.Processor[string, Login, string, Lock] {
		return &guard{}
	}, Failures)
	locks.To(Locks)
	return b.Build()
}

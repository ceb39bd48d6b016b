// Command loginlock locks accounts after repeated login failures: a processor with a store of its own.
//
//	go run ./examples/loginlock
//	go run ./examples/loginlock -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
)

type login = streams.Record[string, Login]

func at(minute time.Duration, account, from string, ok bool) login {
	return login{Key: account, Value: Login{From: from, OK: ok}, Timestamp: demo.At(minute * time.Minute)}
}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Logins,
		at(0, "ann", "home", false), // three within ten minutes
		at(0, "bob", "home", false), // a success comes between
		at(0, "cid", "home", false), // three, but not within ten minutes
		at(1, "ann", "bus", false),
		at(1, "bob", "home", false),
		at(2, "bob", "home", true),
		at(3, "bob", "home", false),
		at(4, "cid", "home", false),
		at(8, "ann", "work", false),
		at(9, "dan", "office", true),
		at(11, "cid", "home", false),
		at(30, "eve", "cellar", false), // twice three
		at(30, "eve", "cellar", false),
		at(31, "eve", "cellar", false),
		at(32, "eve", "roof", false),
		at(33, "eve", "roof", false),
		at(34, "eve", "roof", false),
	)},
	Want: []demo.Want{demo.Each(Locks, map[string][]Lock{
		"ann": {{From: []string{"home", "bus", "work"}}},
		"eve": {{From: []string{"cellar", "cellar", "cellar"}}, {From: []string{"roof", "roof", "roof"}}},
	})},
}

func main() { example.Main("loginlock") }

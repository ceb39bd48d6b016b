package main

import (
	"time"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/window"
)

// Visit is a session of a shop's user, who is the key: page views that follow each other by half an hour at most.
type Visit struct {
	Start   int64 `json:"start"` // milliseconds
	Minutes int64 `json:"minutes"`
	Views   int64 `json:"views"`
	Paid    bool  `json:"paid"`
}

// Activity is what a row keeps of a session.
type Activity struct {
	Views int64
	Paid  bool
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Views      = streams.NewTopic("page-views", serde.String, serde.String) // values are pages
	Activities = state.NewSession("activities", serde.String, serde.Msgpack[Activity]())
	Visits     = streams.NewTopic("shop-visits", serde.String, serde.JSON[Visit]())
)

const (
	gap   = 30 * time.Minute
	grace = 10 * time.Minute
	paid  = "paid" // the page that thanks for a payment
)

// Build describes the job: each visit once, when it is over. A view that comes late may make one visit of two.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("shop-visits-app")
	views := streams.From(b, Views).GroupByKey().SessionsBy(window.Sessions(gap).Grace(grace))
	visits := streams.SessionAggregate(views, Activities, newActivity, addView, merge)
	streams.ResultsByRecord(visits.Final(), visit).To(Visits)
	return b.Build()
}

func newActivity() Activity { return Activity{} }

func addView(_, page string, a Activity) Activity {
	return Activity{Views: a.Views + 1, Paid: a.Paid || page == paid}
}

// merge is the activity of two sessions that became one.
func merge(_ string, a, b Activity) Activity {
	return Activity{Views: a.Views + b.Views, Paid: a.Paid || b.Paid}
}

func visit(r streams.Record[window.Windowed[string], Activity]) (streams.Record[string, Visit], error) {
	length := time.Duration(r.Key.Window.End-r.Key.Window.Start) * time.Millisecond
	return streams.Record[string, Visit]{Key: r.Key.Key, Value: Visit{
		Start: r.Key.Window.Start, Minutes: int64(length.Minutes()), Views: r.Value.Views, Paid: r.Value.Paid,
	}}, nil
}

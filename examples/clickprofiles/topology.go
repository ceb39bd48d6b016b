package main

import (
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Click is a value of the topic clicks; the key is the user.
type Click struct {
	Page string `json:"page"`
}

// Profile is a value of the topic profiles; the key is the user. A null value deletes it.
type Profile struct {
	Name    string `json:"name"`
	Country string `json:"country"`
}

// Visit is a click of someone, as far as that is known.
type Visit struct {
	Page    string `json:"page"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Clicks   = streams.NewTopic("clicks", serde.String, serde.JSON[Click]())
	Profiles = streams.NewTopic("profiles", serde.String, serde.JSON[Profile]())
	ByUser   = state.NewKeyValue("profiles-by-user", serde.String, serde.JSON[Profile]())
	Visits   = streams.NewTopic("visits", serde.String, serde.JSON[Visit]())
)

// Build describes the job: each click with the profile that its user has at that time. Both topics have the same key
// and the same number of partitions, so clicks meet their profiles without a repartition topic.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("click-profiles")
	profiles := streams.TableFrom(b, Profiles, ByUser)
	streams.LeftJoin(streams.From(b, Clicks), profiles, visit).To(Visits)
	return b.Build()
}

func visit(c Click, p streams.Optional[Profile]) Visit {
	if !p.OK {
		return Visit{Page: c.Page, Name: "someone", Country: "unknown"}
	}
	return Visit{Page: c.Page, Name: p.Value.Name, Country: p.Value.Country}
}

// Command app runs a topology that it does not describe: what naming an App and its settings costs by itself.
package main

import (
	"context"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

var topo *topology.Topology

func main() {
	app, err := streams.New(topo, streams.Config{Brokers: []string{"localhost:9092"}})
	if err == nil {
		err = app.Run(context.Background())
	}
	if err != nil {
		panic(err)
	}
}

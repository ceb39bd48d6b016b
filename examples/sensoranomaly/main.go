// Command sensoranomaly finds readings that are far from what a sensor read in the minutes before: mean and deviation
// over sliding windows.
//
//	go run ./examples/sensoranomaly
//	go run ./examples/sensoranomaly -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
)

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{demo.Feed(Readings, readings...)},
	Want:  []demo.Want{demo.Each(Anomalies, expected(readings))},
}

var readings = sensors(time.Hour, 10*time.Second)

func main() { example.Main("sensoranomaly") }

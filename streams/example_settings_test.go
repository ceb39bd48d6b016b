package streams_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/millstream-go/millstream/streams"
)

func ExampleFromProperties() {
	config, err := streams.FromProperties(strings.NewReader(`
		application.id=order-totals
		bootstrap.servers=kafka-1:9092,kafka-2:9092
		commit.interval.ms=200
	`))
	fmt.Println(config.AppID, config.Brokers, config.CommitInterval, err)

	_, err = streams.FromProperties(strings.NewReader("num.standby.replicas=1"))
	fmt.Println(err)
	// Output:
	// order-totals [kafka-1:9092 kafka-2:9092] 200ms <nil>
	// streams: settings: num.standby.replicas is "1", but it is the library's to set: leave it out
}

func ExampleFromEnv() {
	os.Setenv("ORDERS_NUM_STREAM_THREADS", "4") // by whoever starts the process
	defer os.Unsetenv("ORDERS_NUM_STREAM_THREADS")

	config, err := streams.FromEnv("ORDERS_")
	fmt.Println(config.Workers, err)
	// Output:
	// 4 <nil>
}

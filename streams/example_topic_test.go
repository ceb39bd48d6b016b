package streams_test

import (
	"fmt"
	"strconv"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// showReset prints where an application begins to read a topic.
func showReset(topic streams.Topic[string, string]) {
	b := streams.NewBuilder("example")
	streams.From(b, topic).To(out)
	topo, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	source := topo.Lock().Sources[0]
	fmt.Println(source.Name, source.Reset)
}

// Without committed offsets the application stops, instead of reading everything again.
func ExampleTopic_FromCommitted() {
	showReset(in.FromCommitted())
	// Output: in committed
}

func ExampleTopic_FromLatest() {
	showReset(in.FromLatest())
	// Output: in latest
}

// A topic of a pattern is read as the pattern says.
func ExampleTopicPattern_FromPast() {
	showReset(perUser.FromPast(24 * time.Hour).Topic("user-ann"))
	// Output: user-ann past 24h0m0s
}

func ExampleTopicPattern_FromLatest() {
	showReset(perUser.FromLatest().Topic("user-ann"))
	// Output: user-ann latest
}

func ExampleTopicPattern_Timestamp() {
	numbers := perUser.Timestamp(func(r record, _ int64) (int64, error) { return strconv.ParseInt(r.Value, 10, 64) })
	b := streams.NewBuilder("example")
	ann := numbers.Topic("user-ann")
	streams.From(b, ann).Peek(func(r record) { fmt.Println("at", r.Timestamp) }).To(out)
	perform(b, out, send(ann, rec("ann", "42", 1)))
	// Output:
	// at 42
	// ann 42
}

// A record that the partitioner gives no partition goes nowhere.
func ExampleTopicPattern_Partitioner() {
	unlessSpam := perUser.Partitioner(func(r record, partitions int32) []int32 {
		if r.Value == "spam" {
			return nil
		}
		return []int32{partitions - 1}
	})
	b := streams.NewBuilder("example")
	streams.From(b, in).ToEach(unlessSpam, ofUser)
	play(b, unlessSpam.Topic("user-ann"), rec("ann", "hello", 1), rec("ann", "spam", 2))
	// Output: ann hello
}

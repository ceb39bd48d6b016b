// Command changedata follows two tables of a database by what Debezium writes of their changes, joins them, and brings
// the result into an index: change data in, a sink out. The changes are in the topics when it starts, so that it needs
// neither a database nor Debezium, and the index is one in memory.
//
//	go run ./examples/changedata
//	go run ./examples/changedata -brokers localhost:9092
package main

import (
	"time"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
)

type (
	customer = streams.Record[int64, debezium.Change[Customer]]
	order    = streams.Record[int64, debezium.Change[Order]]
)

func customers(minute time.Duration, op debezium.Op, id int64, name, city string) customer {
	row := Customer{ID: id, Name: name}
	if city != "" {
		row.City = &city
	}
	return customer{Key: id, Value: change(op, row), Timestamp: demo.At(minute * time.Minute)}
}

func orders(minute time.Duration, op debezium.Op, id, customer int64, amount debezium.Decimal) order {
	row := Order{ID: id, Customer: customer, Amount: amount}
	return order{Key: id, Value: change(op, row), Timestamp: demo.At(minute * time.Minute)}
}

// change is an event as Debezium tells it: the row after it, or of a delete the row before.
func change[R any](op debezium.Op, row R) debezium.Change[R] {
	if op == debezium.Delete {
		return debezium.Change[R]{Op: op, Before: streams.Some(row)}
	}
	return debezium.Change[R]{Op: op, After: streams.Some(row)}
}

func tombstone[R any](minute time.Duration, id int64) streams.Record[int64, debezium.Change[R]] {
	return streams.Record[int64, debezium.Change[R]]{Key: id, NullValue: true, Timestamp: demo.At(minute * time.Minute)}
}

var index = &Index{}

var example = demo.Example{
	Build: Build,
	Input: []demo.Input{
		demo.Feed(Customers,
			customers(0, debezium.Read, 1, "Ann", "Lima"), // a snapshot finds what was there
			customers(0, debezium.Read, 2, "Bob", ""),
			customers(4, debezium.Update, 1, "Ann", "Cusco"),
			customers(6, debezium.Create, 3, "Cyd", "Accra"),
			customers(7, debezium.Delete, 3, "", ""), // gets another key
			tombstone[Customer](7, 3),
			customers(7, debezium.Create, 33, "Cyd", "Accra"),
		),
		demo.Feed(Orders,
			orders(1, debezium.Create, 100, 1, "19.99"),
			orders(2, debezium.Create, 101, 2, "5.00"),
			orders(3, debezium.Update, 101, 2, "7.50"),
			orders(5, debezium.Create, 102, 1, "1.00"),
			orders(6, debezium.Create, 103, 3, "8.00"),
			orders(7, debezium.Update, 103, 33, "8.00"), // follows its customer
			orders(8, debezium.Delete, 102, 1, "1.00"),
			tombstone[Order](8, 102),
		),
	},
	Want: []demo.Want{demo.Written(Deliveries, index, index.Documents, map[int64]Delivery{
		100: {"Ann", "Cusco", "19.99"},
		101: {"Bob", "unknown", "7.50"},
		103: {"Cyd", "Accra", "8.00"},
	})},
}

func main() { example.Main("changedata") }

package wire

import (
	"bytes"
	"fmt"

	"github.com/millstream-go/millstream/serde"
)

// Instruction says what the right side of a foreign-key join does with a subscription, and what it answers.
type Instruction byte

const (
	// DeleteNoPropagate ends the subscription without an answer: the left row has another foreign key now.
	DeleteNoPropagate Instruction = iota
	// DeleteAndPropagate ends the subscription and answers null: the left row is gone.
	DeleteAndPropagate
	// PropagateNullIfNoFK begins the subscription and answers the right row, or null if there is none.
	PropagateNullIfNoFK
	// PropagateOnlyIfFK begins the subscription and answers if there is a right row.
	PropagateOnlyIfFK
)

// UnknownPartition is the PrimaryPartition of a subscription that was written before Kafka Streams 3.4.
const UnknownPartition int32 = -1

// Subscription is what a left row of a foreign-key join tells the right side. In the registration topic its key is the
// foreign key, in the store a Combined.
type Subscription struct {
	Instruction      Instruction
	Hash             Hash // of the left value
	PrimaryKey       []byte
	PrimaryPartition int32 // where responses go; UnknownPartition: by the hash of the primary key
}

const (
	subscriptionBare        = 0 // without the partition
	subscriptionPartitioned = 1
)

// SubscriptionSerde has the bytes of Java's SubscriptionWrapperSerde: version 1, or 0 if the partition is unknown. What
// it decodes shares memory with its input, until it is cloned.
var SubscriptionSerde serde.Serde[Subscription] = subscriptionSerde{}

type subscriptionSerde struct{}

func (subscriptionSerde) Format() string { return "subscription" }

func (subscriptionSerde) Append(dst []byte, s Subscription) ([]byte, error) {
	if s.Instruction > PropagateOnlyIfFK {
		return nil, fmt.Errorf("wire: subscription: unknown instruction %d", s.Instruction)
	}
	version := byte(subscriptionPartitioned)
	if s.PrimaryPartition < 0 {
		version = subscriptionBare
	}
	dst = append(dst, s.Hash.versioned(version), byte(s.Instruction))
	dst = append(s.Hash.append(dst), s.PrimaryKey...)
	if version == subscriptionBare {
		return dst, nil
	}
	return appendInt32(dst, s.PrimaryPartition), nil
}

func (subscriptionSerde) Decode(src []byte) (Subscription, error) {
	r := reader{src: src}
	first := r.byte()
	s := Subscription{Instruction: Instruction(r.byte()), Hash: r.hash(first), PrimaryPartition: UnknownPartition}
	if s.Instruction > PropagateOnlyIfFK {
		r.fail("unknown instruction %d", s.Instruction)
	}
	switch version := first &^ hashNull; version {
	case subscriptionBare:
		s.PrimaryKey = r.rest(0)
	case subscriptionPartitioned:
		s.PrimaryKey = r.rest(4)
		if s.PrimaryPartition = r.int32(); s.PrimaryPartition < 0 {
			r.fail("partition %d", s.PrimaryPartition)
		}
	default:
		r.fail("unknown version %d", version)
	}
	if err := r.end("subscription"); err != nil {
		return Subscription{}, err
	}
	return s, nil
}

func (subscriptionSerde) Clone(s Subscription) Subscription {
	s.PrimaryKey = bytes.Clone(s.PrimaryKey)
	return s
}

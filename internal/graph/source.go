package graph

import (
	"errors"
	"fmt"
)

// Inlet is where the records of one input partition enter an instance. It holds one decoded record, the head of the
// partition's queue.
type Inlet interface {
	// Decode makes raw the head and returns its event time. An error that is ErrDeserialize or ErrTimestamp says what
	// is wrong with the record; a negative time without an error means that the extractor dropped it.
	Decode(raw *Raw, partitionTime int64) (timestamp int64, err error)
	// Process sends the head through the topology.
	Process() error
}

// ErrDeserialize marks a key or value that its serde does not decode. The record, or the topic's declaration, must be
// mended; the application's error policy says whether to go on without it.
var ErrDeserialize = errors.New("topology: record does not decode")

// ErrTimestamp marks a record whose own timestamp is negative, or whose extractor failed. Give the source an extractor
// that finds the time elsewhere.
var ErrTimestamp = errors.New("topology: record has no valid timestamp")

// ErrTimeJump marks a record whose time is further ahead than the application's settings allow, of its task's stream
// time and of the wall clock. If its time is right, raise that bound.
var ErrTimeJump = errors.New("topology: the record's time is too far ahead")

type source struct {
	in         *Instance
	node       *Node
	key, value decode
	extract    Extract
	forward    func(*Flow) error
	head       Flow
	frame      *framing
}

func (s *source) Decode(raw *Raw, partitionTime int64) (int64, error) {
	s.in.node = s.node
	s.head = Flow{Timestamp: raw.Timestamp, Headers: raw.Headers[:len(raw.Headers):len(raw.Headers)]}
	var err error
	if raw.Key != nil {
		if s.head.Key, err = s.key(raw.Key); err != nil {
			return 0, fmt.Errorf("%w: key: %w", ErrDeserialize, err)
		}
	}
	value := raw.Value
	if s.frame != nil {
		value = s.frame.join(&s.head.Headers, value)
	}
	if value != nil {
		if s.head.Value, err = s.value(value); err != nil {
			return 0, fmt.Errorf("%w: value: %w", ErrDeserialize, err)
		}
	}
	if s.extract != nil {
		if s.head.Timestamp, err = s.extract(&s.head, partitionTime); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrTimestamp, err)
		}
	} else if raw.Timestamp < 0 {
		return 0, fmt.Errorf("%w: %d: give its topic an extractor that finds the time elsewhere", ErrTimestamp,
			raw.Timestamp)
	}
	return s.head.Timestamp, nil
}

func (s *source) Process() error {
	if s.in.advancing != nil {
		if err := s.in.advance(s.head.Timestamp); err != nil {
			return err
		}
	}
	s.in.node = s.node
	if err := s.forward(&s.head); err != nil || s.in.settling == nil {
		return err
	}
	return s.in.settle()
}

package cluster

import (
	"errors"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// reviveAfter is the pause between two looks whether a life is over.
const reviveAfter = 100 * time.Millisecond

// outage stops all instances in good order, does something once they have ended and a while is over, and starts them
// again. What is done is tried again, a second later, for as long as it fails.
func (s *simulation) outage(lasts time.Duration, do func() error) {
	s.out++
	for _, i := range s.instances {
		i.begin()
	}
	s.later(lasts, func() { s.ended(do) })
}

func (s *simulation) ended(do func() error) {
	for _, i := range s.instances {
		i.begin() // of one that was started meanwhile
		if !i.over() {
			s.later(reviveAfter, func() { s.ended(do) })
			return
		}
	}
	if do != nil {
		if err := do(); err != nil {
			s.later(time.Second, func() { s.ended(do) })
			return
		}
	}
	if s.out--; s.out > 0 {
		return // another outage goes on
	}
	for _, i := range s.instances {
		i.revive()
	}
}

// report notes that a life has ended with an error. It is false if no fault of this play is a reason for that error, or
// if the life was told to go on all the same. The instances are all started again, and go on whatever was lost.
func (s *simulation) report(i *instance, err error) bool {
	var unreachable *streams.UnreachableError
	if errors.As(err, &unreachable) { // whoever runs it starts it again
		s.met.add("reported UnreachableError")
		s.later(time.Second, i.revive)
		return true
	}
	name, consent := documented(err)
	if name == "" || !s.lossy[name] || i.accepted && consent {
		return false
	}
	s.reports[name]++
	s.met.add("reported " + name)
	if s.reports[name] > mostReports {
		return false
	}
	if consent {
		s.accepts, s.consented = true, true
		s.guards.forget()
	}
	if s.out == 0 {
		s.outage(0, s.back)
	}
	return true
}

// mostReports is how often the same error may be told: by each instance, and once more by those that the others' end
// did not reach in time.
const mostReports = 12

// documented is the name of an error of docs/failures.md that lossy faults lead to, and whether results may differ from
// then on.
func documented(err error) (name string, consent bool) {
	var input *streams.LostInputError
	var state *streams.LostStateError
	var offsets *streams.LostOffsetsError
	var internal *streams.InternalTopicError
	var deleted *streams.DeletedSourceError
	var grown *streams.GrownTopicError
	var missing *streams.MissingSourceError
	switch {
	case errors.As(err, &input):
		return "LostInputError", true
	case errors.As(err, &state):
		return "LostStateError", true
	case errors.As(err, &offsets):
		return "LostOffsetsError", true
	case errors.As(err, &internal):
		return "InternalTopicError", true
	case errors.As(err, &deleted):
		return "DeletedSourceError", true
	case errors.As(err, &grown):
		return "GrownTopicError", false
	case errors.As(err, &missing):
		return "MissingSourceError", false
	}
	return "", false
}

// expects says which errors a fault may lead to.
func (s *simulation) expects(names ...string) {
	for _, name := range names {
		s.lossy[name] = true
	}
}

// different is true if it was said that results may differ from those of the model.
func (s *simulation) different() bool {
	return s.consented ||
		s.expired && s.log.said("records were deleted before they were read") > 0 ||
		s.reset && s.log.said("the group has no offset: the topic is read as it is declared") > 0
}

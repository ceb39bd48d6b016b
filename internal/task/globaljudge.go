package task

import "fmt"

// GlobalFacts is what the cluster tells of the topics of global tables.
type GlobalFacts struct {
	Cluster string                   // id; empty: not known
	Now     int64                    // wall clock in milliseconds, before the ends of the logs were read
	Logs    map[string]map[int32]Log // by topic and partition
	Accept  Accept
}

// Judge compares what the database knows of its topics with what the cluster has. A reason means that the tables must
// be read again, from the starts of their topics; empty: they go on where they are. It must be called before Apply.
func (g *Global) Judge(f GlobalFacts) (again string, err error) {
	foreign := g.home != "" && f.Cluster != "" && g.home != f.Cluster
	if foreign {
		again = fmt.Sprintf("they belong to cluster %s, this one is %s", g.home, f.Cluster)
	}
	for topic, logs := range f.Logs {
		for p, log := range logs {
			at, err := g.place(inputName(topic, p))
			if err != nil {
				return "", err
			}
			if at.Offset > 0 && !foreign {
				if again, err = at.judgeGlobal(topic, p, log, f, again); err != nil {
					return "", err
				}
			}
			g.places[inputName(topic, p)] = at.claimed(log, f)
		}
	}
	if f.Cluster != "" {
		g.home = f.Cluster
	}
	return again, nil
}

func (p Place) judgeGlobal(topic string, partition int32, log Log, f GlobalFacts, again string) (string, error) {
	anew := p.otherTopic(log.Topic)
	switch {
	case anew, p.Offset > log.End, log.Parts:
		err := &LostInputError{Topic: topic, Partition: partition, Offset: p.Offset, End: log.End, Anew: anew}
		if log.Parts && p.Offset <= log.End {
			err.End = log.PartsAt
		}
		if !f.Accept.Has(AcceptLostInput) {
			return "", err
		}
		return err.Error(), nil
	case p.Offset < log.Start:
		return fmt.Sprintf("%s/%d begins at %d, and they are at %d", topic, partition, log.Start, p.Offset), nil
	case log.mayMiss(p, f.Now):
		return fmt.Sprintf("%s/%d may have forgotten deletes since they were read", topic, partition), nil
	}
	return again, nil
}

// claimed is the place with what is known now.
func (p Place) claimed(log Log, f GlobalFacts) Place {
	p = p.in(log.Topic)
	if p.Offset < 0 {
		p.At = f.Now
	}
	return p
}

// CaughtUp says that the tables have what the topics had at a wall-clock time in milliseconds.
func (g *Global) CaughtUp(at int64) {
	for name, p := range g.places {
		p.At = at
		g.places[name] = p
	}
}

package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
)

const (
	mostPeers     = 32              // that are asked
	peerWait      = time.Second     // for all of them
	peersFresh    = 3 * time.Second // for so long their answers are good
	mostPeerBytes = 8 << 20         // of an answer
)

// peers asks the other processes of an application for their snapshots.
type peers struct {
	app interface {
		Instances(ctx context.Context) (streams.Instances, error)
	} // nil: it cannot tell
	own    App
	client *http.Client
	mu     struct {
		sync.Mutex // held while they are asked: who comes meanwhile has the same answer
		as         string
		at         time.Time
		last       Peers
	}
}

// Peers are the processes of an application.
type Peers struct {
	All     []Peer   `json:"all"`
	Unowned []string `json:"unowned"` // tasks that no process has
	Error   string   `json:"error,omitempty"`
}

// Peer is a process of an application.
type Peer struct {
	streams.Instance
	Snapshot *streams.Snapshot `json:"snapshot,omitempty"` // nil: it could not be asked
	Error    string            `json:"error,omitempty"`    // why
}

// Lag is the sum over the tasks of the process, -1 if it could not be asked.
func (p Peer) Lag() (lag int64) {
	if p.Snapshot == nil {
		return -1
	}
	for _, t := range p.Snapshot.Tasks {
		lag += t.Lag()
	}
	return lag
}

// tasks are those of the other processes that answered.
func (p Peers) tasks() (all []streams.TaskStatus) {
	for _, peer := range p.All {
		if !peer.Here && peer.Snapshot != nil {
			all = append(all, peer.Snapshot.Tasks...)
		}
	}
	return all
}

// ask tells what the processes say of themselves now, or said a moment ago. authorization is that of who asks, which is
// passed on.
func (p *peers) ask(ctx context.Context, authorization string) Peers {
	if p.app == nil {
		return Peers{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.mu.at) < peersFresh && p.mu.as == authorization {
		return p.mu.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), peerWait)
	defer cancel()
	p.mu.last = p.askAll(ctx, authorization)
	p.mu.at, p.mu.as = time.Now(), authorization
	return p.mu.last
}

func (p *peers) askAll(ctx context.Context, authorization string) Peers {
	all, err := p.app.Instances(ctx)
	if err != nil {
		if errors.Is(err, streams.ErrNotRunning) {
			return Peers{Error: "the application does not run here, so the group is not asked"}
		}
		return Peers{Error: err.Error()}
	}
	out := Peers{All: make([]Peer, len(all.All)), Unowned: all.Unowned}
	var wait sync.WaitGroup
	for i, instance := range all.All {
		peer := &out.All[i]
		switch peer.Instance = instance; {
		case instance.Here:
			s := p.own.Snapshot()
			peer.Snapshot = &s
		case instance.Endpoint == "":
			peer.Error = "it tells no streams.Config.Endpoint"
		case i >= mostPeers:
			peer.Error = fmt.Sprintf("only %d are asked", mostPeers)
		default:
			wait.Go(func() {
				var err error
				if peer.Snapshot, err = p.snapshot(ctx, instance.Endpoint, authorization); err != nil {
					peer.Error = err.Error()
				}
			})
		}
	}
	wait.Wait()
	return out
}

func (p *peers) snapshot(ctx context.Context, endpoint, authorization string) (*streams.Snapshot, error) {
	url := strings.TrimSuffix(endpoint, "/") + "/api/v1/snapshot"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	client := p.client
	if client == nil {
		client = http.DefaultClient // the context has the time
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, resp.Status)
	}
	s := &streams.Snapshot{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, mostPeerBytes)).Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	if id := p.own.Snapshot().App; s.App != id {
		return nil, fmt.Errorf("%s is of application %s, not %s", url, s.App, id)
	}
	return s, nil
}

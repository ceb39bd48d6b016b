package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// mostWatchers is how many may watch the page live at a time.
const mostWatchers = 64

// liveEvery is the time between two looks of who watches.
const liveEvery = time.Second

// liveWrite is how long who watches may take to read.
const liveWrite = 10 * time.Second

// liveParts are the parts of the page that come anew, by their ids.
var liveParts = []string{
	"state", "checks", "picture", "tasks", "peers", "connectors", "restores", "stores", "commits", "drops", "failures",
	"events",
}

// live sends the parts of the page that have changed, once a second until the reader goes, does not read, or the
// application has ended: a server that shuts down waits for its requests.
func (p *page) live(w http.ResponseWriter, r *http.Request) {
	defer p.watched.Add(-1)
	if p.watched.Add(1) > mostWatchers {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many watch this page", http.StatusServiceUnavailable)
		return
	}
	header(w, "text/event-stream")
	out := http.NewResponseController(w)
	sent := map[string]string{}
	for ticks := time.NewTicker(liveEvery); ; {
		_ = out.SetWriteDeadline(time.Now().Add(liveWrite)) // without one, the server's own is the limit
		if over, err := p.send(w, r, sent); err != nil || out.Flush() != nil || over {
			ticks.Stop()
			return
		}
		select {
		case <-r.Context().Done():
			ticks.Stop()
			return
		case <-ticks.C:
		}
	}
}

// send writes one event with what differs from what was sent before; over is true if nothing comes any more.
func (p *page) send(w http.ResponseWriter, r *http.Request, sent map[string]string) (over bool, err error) {
	parts, over, err := p.parts(r)
	if err != nil {
		return false, err
	}
	changed := map[string]string{}
	for name, text := range parts {
		if was, ok := sent[name]; !ok || was != text {
			sent[name], changed[name] = text, text
		}
	}
	text, err := json.Marshal(changed)
	if err != nil {
		return false, err
	}
	_, err = fmt.Fprintf(w, "data: %s\n\n", text)
	return over, err
}

// liveNow is what was shown last.
type liveNow struct {
	sync.Mutex // held while it is made: who comes meanwhile has the same
	as         string
	at         time.Time
	parts      map[string]string
	over       bool
}

// parts are the parts as they are now, or were a moment ago: however many watch, they are made about twice a second.
func (p *page) parts(r *http.Request) (parts map[string]string, over bool, err error) {
	now, as := &p.now, r.Header.Get("Authorization")
	now.Lock()
	defer now.Unlock()
	if now.parts != nil && now.as == as && time.Since(now.at) < liveEvery/2 {
		return now.parts, now.over, nil
	}
	v := p.look(r)
	parts = map[string]string{}
	for _, name := range liveParts {
		var b bytes.Buffer
		if err := pageTemplate.ExecuteTemplate(&b, name, v); err != nil {
			return nil, false, err
		}
		parts[name] = b.String()
	}
	now.parts, now.as, now.at = parts, as, time.Now()
	now.over = v.S.State == streams.Stopped || v.S.State == streams.Failed
	return parts, now.over, nil
}

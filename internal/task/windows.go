package task

import (
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/wire"
)

// A row of a window store has the start of its window alone. Under other windows it is that of another window, or of
// none, and never comes out: so the directory and the changelog tell which windows they hold. Those of earlier
// versions, and of Kafka Streams, do not: nothing is known of them.

// windowsOf are the windows of a store that a step of the library's keeps; empty: its rows do not depend on any.
func windowsOf(sub *graph.Sub, spec storage.Spec) string {
	if spec.Kind() != storage.KindWindow {
		return ""
	}
	text, _ := sub.WindowsIn(spec.Name())
	return text
}

// checkWindows is an error if the database holds a store's rows of other windows. It enters what was not known.
func (d database) checkWindows(name, windows string) error {
	if windows == "" {
		return nil
	}
	have, _, err := d.engine.Get(nil, metaKey('w', name))
	if err != nil || string(have) == windows {
		return err
	}
	if len(have) > 0 {
		return otherWindows(name, string(have), windows)
	}
	return d.write(func(b store.Batch) error { return b.Set(metaKey('w', name), []byte(windows)) })
}

func otherWindows(name, have, want string) *ErrStateFormat {
	return &ErrStateFormat{Store: name, Have: "windows of " + have, Want: "windows of " + want}
}

// checkHeader is an error if a record in the changelog comes from a store in another format, or of other windows.
func (c *Changelog) checkHeader(h graph.Header) error {
	if h.Key == wire.FormatHeader && string(h.Value) != c.spec.Format() {
		return &ErrStateFormat{Store: c.Store, Have: string(h.Value), Want: c.spec.Format(), Changelog: c.Topic}
	}
	if h.Key == wire.WindowsHeader && c.windows != "" && string(h.Value) != c.windows {
		err := otherWindows(c.Store, string(h.Value), c.windows)
		err.Changelog = c.Topic
		return err
	}
	return nil
}

// formatHeaders tell what the rows of the store are.
func (c *Changelog) formatHeaders() []graph.Header {
	headers := []graph.Header{{Key: wire.FormatHeader, Value: []byte(c.spec.Format())}}
	if c.windows != "" {
		headers = append(headers, graph.Header{Key: wire.WindowsHeader, Value: []byte(c.windows)})
	}
	return headers
}

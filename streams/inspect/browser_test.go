package inspect_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// browser is a real Chromium without a window, driven over two pipes by its DevTools protocol. It belongs to one test.
type browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	session string // of the tab
	target  string // the tab; empty: there is none yet
	calls   int
	events  []browserEvent
}

type browserEvent struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// newBrowser starts one, and skips the test where none is installed.
func newBrowser(t *testing.T) *browser {
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium: `apt-get install chromium` brings it")
	}
	inRead, inWrite, err := os.Pipe()
	require.NoError(t, err)
	outRead, outWrite, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{inRead, outWrite} // 3 and 4, as the protocol wants
	require.NoError(t, cmd.Start())
	require.NoError(t, inRead.Close())
	require.NoError(t, outWrite.Close())
	b := &browser{t: t, to: inWrite, from: bufio.NewReader(outRead)}
	t.Cleanup(func() {
		b.session = ""
		b.call("Browser.close", nil)
		_ = cmd.Wait()
		_ = inWrite.Close()
		_ = outRead.Close()
	})
	return b
}

// call calls a method of the protocol. Events that come meanwhile are kept.
func (b *browser) call(method string, params map[string]any) json.RawMessage {
	b.calls++
	message := map[string]any{"id": b.calls, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	text, err := json.Marshal(message)
	require.NoError(b.t, err)
	_, err = b.to.Write(append(text, 0))
	require.NoError(b.t, err)
	for {
		e := b.next()
		if e.ID == b.calls {
			require.Nil(b.t, e.Error, "%s: %+v", method, e.Error)
			return e.Result
		}
		b.events = append(b.events, e)
	}
}

func (b *browser) next() (e browserEvent) {
	text, err := b.from.ReadBytes(0)
	require.NoError(b.t, err)
	require.NoError(b.t, json.Unmarshal(text[:len(text)-1], &e))
	return e
}

// tab makes a new tab the one that calls go to, and closes the one before, which may hold a connection.
func (b *browser) tab() {
	b.session = ""
	if b.target != "" {
		b.call("Target.closeTarget", map[string]any{"targetId": b.target})
	}
	var target struct {
		ID string `json:"targetId"`
	}
	require.NoError(b.t, json.Unmarshal(b.call("Target.createTarget", map[string]any{"url": "about:blank"}), &target))
	var attached struct {
		ID string `json:"sessionId"`
	}
	attach := map[string]any{"targetId": target.ID, "flatten": true}
	require.NoError(b.t, json.Unmarshal(b.call("Target.attachToTarget", attach), &attached))
	b.session, b.target = attached.ID, target.ID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil)
	}
}

// open loads a page in a new tab, in a scheme and with a width in pixels.
func (b *browser) open(url, scheme string, width int, javaScript bool) {
	b.tab()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !javaScript})
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	})
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
	})
	before := len(b.events)
	b.call("Page.navigate", map[string]any{"url": url})
	for {
		loaded := func(e browserEvent) bool { return e.Method == "Page.loadEventFired" }
		if slices.ContainsFunc(b.events[before:], loaded) {
			return
		}
		b.events = append(b.events, b.next())
	}
}

// eval is the value of an expression in the page.
func (b *browser) eval(expression string, value any) {
	var out struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Details json.RawMessage `json:"exceptionDetails"`
	}
	result := b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true})
	require.NoError(b.t, json.Unmarshal(result, &out))
	require.Empty(b.t, string(out.Details), expression)
	require.NoError(b.t, json.Unmarshal(out.Result.Value, value))
}

// picture writes the page as PNGs from its top to its end, if MILLSTREAM_PICTURES names a directory.
func (b *browser) picture(name string) {
	dir := os.Getenv("MILLSTREAM_PICTURES")
	if dir == "" {
		return
	}
	var metrics struct {
		Size struct{ Width, Height int } `json:"cssContentSize"`
	}
	require.NoError(b.t, json.Unmarshal(b.call("Page.getLayoutMetrics", nil), &metrics))
	b.eval("innerWidth", &metrics.Size.Width) // a picture has no scroll bar, and the page is as wide as that
	const most = 1600
	for top := 0; top < metrics.Size.Height; top += most {
		var shot struct{ Data string }
		result := b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true,
			"clip": map[string]int{
				"x": 0, "y": top, "width": metrics.Size.Width, "height": min(most, metrics.Size.Height-top), "scale": 1,
			}})
		require.NoError(b.t, json.Unmarshal(result, &shot))
		png, err := base64.StdEncoding.DecodeString(shot.Data)
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(fmt.Sprintf("%s/%s-%d.png", dir, name, top/most), png, 0o600))
	}
}

// requests are the addresses that were asked for.
func (b *browser) requests() (urls []string) {
	for _, e := range b.events {
		var sent struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		if e.Method == "Network.requestWillBeSent" {
			require.NoError(b.t, json.Unmarshal(e.Params, &sent))
			urls = append(urls, sent.Request.URL)
		}
	}
	return urls
}

// complaints are what is in the console: errors, what the content policy refused, and messages.
func (b *browser) complaints() (texts []string) {
	for _, e := range b.events {
		switch e.Method {
		case "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled":
			texts = append(texts, e.Method+": "+string(e.Params))
		}
	}
	return texts
}

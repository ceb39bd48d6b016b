package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// endpoint is where an application that runs serves inspect.Handler.
type endpoint struct {
	URL     string        `name:"url" env:"MILLSTREAM_URL" required:"" help:"Where it serves inspect.Handler."`
	Header  []string      `sep:"none" help:"Of the request, as \"Authorization: Bearer ...\"."`
	Timeout time.Duration `name:"answer-timeout" default:"40s" help:"How long an answer may take."`
}

// mostAnswer is how much of an answer is read.
const mostAnswer = 64 << 20

// get asks for a path, and reads the answer.
func (e *endpoint) get(ctx context.Context, path string, query url.Values, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	at := strings.TrimSuffix(e.URL, "/") + "/" + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	for _, h := range e.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return fmt.Errorf("--header %q is not as in \"Authorization: Bearer ...\"", name)
		}
		req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nobody answers: check --url, which includes the prefix of the handler: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(text, &refused) != nil || refused.Error == "" {
			refused.Error = "is inspect.Handler served there?"
		}
		return fmt.Errorf("%s answers %s: %s", at, resp.Status, refused.Error)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s does not answer as inspect.Handler does: %w", at, err)
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/millstream-go/millstream/streams/inspect"
)

// storesCmd reads stores of an application that runs with inspect.Options.ShowRecords.
type storesCmd struct {
	Get  storesGetCmd  `cmd:"" help:"The rows of a key."`
	Scan storesScanCmd `cmd:"" help:"Rows of a store, of the process that is asked."`
}

type storesGetCmd struct {
	endpoint
	Store    string `arg:"" help:"Name of the store."`
	Key      string `arg:"" help:"Key: strings as they are, others as JSON."`
	At       *int64 `help:"Of a versioned store: as of a time, in milliseconds."`
	Versions bool   `help:"Of a versioned store: all versions."`
}

type storesScanCmd struct {
	endpoint
	Store     string `arg:"" help:"Name of the store."`
	From      string `help:"First key, or time in milliseconds."`
	To        string `help:"Last key, or time in milliseconds."`
	Prefix    string `help:"First bytes of keys."`
	Partition *int32 `help:"Only the task of a partition, from whichever process has it."`
	Reverse   bool   `help:"In the opposite order."`
	Limit     int    `default:"100" help:"Rows at most."`
}

// storeRow is a row as a table has it.
type storeRow struct{ inspect.StoreRow }

func (r storeRow) columns() []any {
	return []any{compact(r.Key), compact(r.Value), moment(r.Start), moment(r.End), moment(r.Timestamp)}
}

const storeHead = "KEY\tVALUE\tFROM\tTO\tTIME"

func compact(v any) string {
	if text, ok := v.(string); ok {
		return printable(text)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return printable(strings.TrimSuffix(b.String(), "\n"))
}

// printable is a text without control characters, which terminals obey.
func printable(s string) string {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return strconv.Quote(s)
	}
	return s
}

func moment(ms *int64) string {
	if ms == nil {
		return "-"
	}
	return time.UnixMilli(*ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// Run prints the rows of the key. None is an answer, too: the command declines then.
func (c *storesGetCmd) Run(ctx context.Context, p *printer) error {
	q := url.Values{"key": {c.Key}}
	if c.At != nil {
		q.Set("at", strconv.FormatInt(*c.At, 10))
	}
	if c.Versions {
		q.Set("versions", "true")
	}
	rows, more, err := c.rows(ctx, c.Store, q, mostRows)
	if err != nil {
		return err
	}
	if err := table(p, storeHead, rows); err != nil {
		return err
	}
	if more {
		p.note("there are more rows than these %d", len(rows))
	}
	if len(rows) == 0 {
		return &declinedError{"there is no row of that key"}
	}
	return nil
}

const mostRows = 100_000

// Run prints the rows.
func (c *storesScanCmd) Run(ctx context.Context, p *printer) error {
	q := url.Values{}
	for name, value := range map[string]string{"from": c.From, "to": c.To, "prefix": c.Prefix} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if c.Partition != nil {
		q.Set("partition", strconv.Itoa(int(*c.Partition)))
	}
	if c.Reverse {
		q.Set("reverse", "true")
	}
	if c.Limit < 1 || c.Limit > mostRows {
		return fmt.Errorf("--limit %d: must be 1 to %d", c.Limit, mostRows)
	}
	rows, more, err := c.rows(ctx, c.Store, q, c.Limit)
	if err != nil {
		return err
	}
	if err := table(p, storeHead, rows); err != nil {
		return err
	}
	if more {
		p.note("there are more rows than these %d: see --limit, --from and --prefix", len(rows))
	}
	return nil
}

// rows asks page after page, for so many rows at most. more is true if there are others.
func (e *endpoint) rows(
	ctx context.Context, store string, q url.Values, most int,
) (rows []storeRow, more bool, err error) {
	const page = 1000
	for {
		q.Set("limit", strconv.Itoa(min(page, most-len(rows))))
		var answer inspect.StoreRows
		if err := e.get(ctx, "stores/"+url.PathEscape(store), q, &answer); err != nil {
			return nil, false, err
		}
		for _, r := range answer.Rows {
			rows = append(rows, storeRow{r})
		}
		if answer.Next == "" || len(rows) >= most {
			return rows, answer.Next != "", nil
		}
		if q, err = url.ParseQuery(strings.TrimPrefix(answer.Next, "?")); err != nil {
			return nil, false, err
		}
	}
}

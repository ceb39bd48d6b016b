package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// board is what the live table shows.
type board struct {
	finals   int
	newest   []Total
	products map[string]ProductTotal
}

const shownTotals = 10

// showTotals shows the results as they come: a table that is drawn anew on a terminal, plain lines elsewhere.
func showTotals(ctx context.Context, c *cluster) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers...), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(PerMinute.Name(), PerProduct.Name()))
	if err != nil {
		return err
	}
	defer client.Close()
	b := &board{products: map[string]ProductTotal{}}
	draw := b.printLine
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		draw = b.drawTable
	}
	for drawn := time.Now(); ctx.Err() == nil; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		var bad error
		fetches.EachRecord(func(r *kgo.Record) { bad = errors.Join(bad, b.add(r)) })
		if bad != nil {
			return bad
		}
		if time.Since(drawn) > 250*time.Millisecond || ctx.Err() != nil {
			draw()
			drawn = time.Now()
		}
	}
	return nil
}

func (b *board) add(r *kgo.Record) error {
	if r.Topic == PerProduct.Name() {
		var p ProductTotal
		err := json.Unmarshal(r.Value, &p)
		b.products[p.Product] = p
		return err
	}
	var t Total
	err := json.Unmarshal(r.Value, &t)
	b.finals++
	b.newest = append(b.newest, t)
	b.newest = b.newest[max(0, len(b.newest)-shownTotals):]
	return err
}

func (b *board) printLine() {
	if len(b.newest) == 0 {
		return
	}
	var orders int64
	for _, p := range b.products {
		orders += p.Orders
	}
	fmt.Printf("%d orders counted by product; %d totals per minute, newest %s\n",
		orders, b.finals, b.newest[len(b.newest)-1].line())
}

func (t Total) line() string {
	minute := time.UnixMilli(t.Minute).UTC().Format("15:04")
	return fmt.Sprintf("%-8s %s %4d orders %10.2f", t.Customer, minute, t.Orders, float64(t.Cents)/100)
}

// drawTable draws over what it drew before.
func (b *board) drawTable() {
	var out strings.Builder
	out.WriteString("\x1b[H\x1b[2J")
	fmt.Fprintf(&out, "totals per customer and minute, final: %d\n\n", b.finals)
	for _, t := range b.newest {
		out.WriteString("  " + t.line() + "\n")
	}
	out.WriteString("\ntotals per product, so far\n\n")
	products := make([]ProductTotal, 0, len(b.products))
	for _, p := range b.products {
		products = append(products, p)
	}
	slices.SortFunc(products, func(x, y ProductTotal) int { return int(y.Cents - x.Cents) })
	for _, p := range products[:min(len(products), shownTotals)] {
		fmt.Fprintf(&out, "  %-8s %8d orders %12.2f\n", p.Product, p.Orders, float64(p.Cents)/100)
	}
	fmt.Print(out.String())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit/broker"
)

// board is what is shown of the results: a table that is drawn anew on a terminal, a line a second elsewhere.
type board struct {
	options options
	started time.Time

	mu struct {
		sync.Mutex
		produced int
		process  int // of the application, if it has one of its own
		kills    int
		finals   int
		newest   []Total
		products map[string]ProductTotal
	}
}

const shownTotals = 6

func newBoard(o options) *board {
	b := &board{options: o, started: time.Now()}
	b.mu.products = map[string]ProductTotal{}
	return b
}

// show follows the results and shows them until ctx ends.
func (b *board) show(ctx context.Context, from *broker.Broker) error {
	draw, every := b.printLine, time.Second
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		draw, every = b.drawTable, 250*time.Millisecond
	}
	read := make(chan error, 2)
	// Two readers, each with a client of its own: they fill the board, and end with ctx.
	go func() { read <- follow(ctx, from, PerMinute, b.addMinute) }()
	go func() { read <- follow(ctx, from, PerProduct, b.addProduct) }()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
			draw()
		}
	}
	err := errors.Join(<-read, <-read)
	draw()
	return err
}

func follow[V any](
	ctx context.Context, from *broker.Broker, topic streams.Topic[string, V], add func(V),
) error {
	for r, err := range broker.Consume(ctx, from, topic) {
		if errors.Is(err, context.Canceled) {
			return nil
		}
		if err != nil {
			return err
		}
		add(r.Value)
	}
	return nil
}

func (b *board) sent(orders int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.produced = orders
}

// runs tells that the application runs as a process, after so many that were killed.
func (b *board) runs(process, kills int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.process, b.mu.kills = process, kills
}

func (b *board) addMinute(t Total) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.finals++
	b.mu.newest = append(b.mu.newest, t)
	b.mu.newest = b.mu.newest[max(0, len(b.mu.newest)-shownTotals):]
}

func (b *board) addProduct(p ProductTotal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.products[p.Product] = p
}

// printLine tells how far things are; nothing before there is a result.
func (b *board) printLine() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mu.products) == 0 {
		return
	}
	fmt.Printf("%s; %s\n", b.progress(), b.finals())
}

// progress and finals are called with the lock held.
func (b *board) progress() string {
	var counted int64
	for _, p := range b.mu.products {
		counted += p.Orders
	}
	text := fmt.Sprintf("%3.0f s: %d of %d orders sent, %d paid ones in the products' totals",
		time.Since(b.started).Seconds(), b.mu.produced, b.options.orders, counted)
	if b.mu.process != 0 {
		text += fmt.Sprintf("; process %d runs, %d were killed", b.mu.process, b.mu.kills)
	}
	return text
}

func (b *board) finals() string {
	if b.mu.finals == 0 {
		return "no minute is over yet"
	}
	newest := b.mu.newest[len(b.mu.newest)-1]
	return fmt.Sprintf("final totals of customers and minutes: %d, the newest %s",
		b.mu.finals, strings.Join(strings.Fields(newest.line()), " "))
}

func (t Total) line() string {
	minute := time.UnixMilli(t.Minute).UTC().Format("15:04")
	return fmt.Sprintf("%-8s %s %4d orders %10.2f", t.Customer, minute, t.Orders, float64(t.Cents)/100)
}

// drawTable draws over what it drew before.
func (b *board) drawTable() {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out strings.Builder
	out.WriteString("\x1b[H\x1b[2J")
	out.WriteString(b.options.introduction() + "\n")
	fmt.Fprintf(&out, "%s\n\ncustomers' totals of minutes, final, %d of them; the newest:\n\n", b.progress(), b.mu.finals)
	if b.mu.finals == 0 {
		out.WriteString("  no minute is over yet\n")
	}
	for _, t := range b.mu.newest {
		out.WriteString("  " + t.line() + "\n")
	}
	out.WriteString("\nproducts' totals so far, the largest:\n\n")
	products := make([]ProductTotal, 0, len(b.mu.products))
	for _, p := range b.mu.products {
		products = append(products, p)
	}
	sort.Slice(products, func(i, j int) bool { return products[i].Cents > products[j].Cents })
	for _, p := range products[:min(len(products), shownTotals)] {
		fmt.Fprintf(&out, "  %-8s %8d orders %12.2f\n", p.Product, p.Orders, float64(p.Cents)/100)
	}
	out.WriteString("\n")
	fmt.Print(out.String())
}

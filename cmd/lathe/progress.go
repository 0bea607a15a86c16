package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows how far work is: a bar that is drawn anew on a terminal, a line now and then in a pipe, nothing when quiet.
type bar struct {
	o     *output
	title string
	last  time.Time
	drawn bool
}

func (o *output) bar(title string) *bar { return &bar{o: o, title: title} }

// set draws the bar at done of total (0: unknown), with a remark behind it.
func (b *bar) set(done, total float64, remark string) {
	every := 100 * time.Millisecond
	if !b.o.tty {
		every = 2 * time.Second
	}
	if b.o.quiet || time.Since(b.last) < every {
		return
	}
	b.last = time.Now()
	b.draw(done, total, remark)
}

func (b *bar) draw(done, total float64, remark string) {
	share := 0.0
	if total > 0 {
		share = min(1, done/total)
	}
	if !b.o.tty {
		fmt.Fprintf(b.o.err, "%s %3.0f %% %s\n", b.title, share*100, remark)
		return
	}
	const width = 30
	full := int(share * width)
	fmt.Fprintf(b.o.err, "\r\x1b[K%s [%s%s] %3.0f %% %s", b.title,
		strings.Repeat("█", full), strings.Repeat("·", width-full), share*100, oneLine(remark))
	b.drawn = true
}

// end takes the bar away.
func (b *bar) end() {
	if b.drawn {
		fmt.Fprint(b.o.err, "\r\x1b[K")
	}
}

// reader counts what is read into the bar.
func (b *bar) reader(r io.Reader, total int64) io.Reader {
	return &countingReader{r: r, bar: b, total: total}
}

type countingReader struct {
	r           io.Reader
	bar         *bar
	done, total int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.bar.set(float64(c.done), float64(c.total), bytesText(c.done))
	return n, err
}

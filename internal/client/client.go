// Package client speaks the service's own HTTP API, over a home's socket or a URL. The command line is built on it.
//
// A failure that the service reports comes back as the *lathe.Error that it was. A Client is safe for concurrent use.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lathe"
)

// maxAnswer bounds a JSON answer, in bytes; streams are not bounded.
const maxAnswer = 64 << 20

// Client reaches one service with one key.
type Client struct {
	base    string
	key     string
	project string
	http    *http.Client
}

// Unix makes a client of the service behind a home's socket.
func Unix(socket, key, project string) *Client {
	var dialer net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}
	return &Client{base: "http://localhost", key: key, project: project, http: &http.Client{Transport: transport}}
}

// URL makes a client of the service at an http or https address. Redirects are not followed: the key stays with the
// host that it was given for.
func URL(address, key, project string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return nil, lathe.Errorf(lathe.CodeInvalid, "client: %q is no address of a service", address).
			WithField("url").WithHint("give it as http://127.0.0.1:7411")
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimRight(u.String(), "/"), key: key, project: project, http: &http.Client{CheckRedirect: stay}}, nil
}

// Close drops idle connections, so that a service that waits for its clients sees them go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do sends in as JSON (nothing where nil) and reads the JSON answer into out (dropped where nil).
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("client: %s %s: %w", method, path, err)
		}
		body, kind = bytes.NewReader(data), "application/json"
	}
	return c.Send(ctx, method, path, kind, body, out)
}

// Send streams a body of a content type and reads the JSON answer into out (dropped where nil).
func (c *Client) Send(ctx context.Context, method, path, kind string, body io.Reader, out any) error {
	answer, err := c.Open(ctx, method, path, kind, body)
	if err != nil {
		return err
	}
	defer drain(answer)
	if out == nil || answer.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("client: %s %s: answer: %w", method, path, err)
	}
	return nil
}

// Open sends a request and gives the answer with its body unread; the caller closes it. A status of 400 or more is an
// error. kind may carry a second part after a newline: the media type to accept.
func (c *Client) Open(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("client: %s %s: %w", method, path, err)
	}
	kind, accept, _ := strings.Cut(kind, "\n")
	set(r.Header, "Content-Type", kind)
	set(r.Header, "Accept", accept)
	set(r.Header, "X-Lathe-Project", c.project)
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if answer.StatusCode >= 300 {
		defer drain(answer)
		return nil, failure(answer)
	}
	return answer, nil
}

func set(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// unreachable explains a request that got no answer.
func (c *Client) unreachable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var known *lathe.Error
	if errors.As(err, &known) { // the reader of an upload failed
		return known
	}
	return lathe.Errorf(lathe.CodeUnavailable, "client: no answer from %s: %w", c.base, err).
		WithHint("is the service running? start it with: lathe up")
}

// failure turns a problem document into the error that it was.
func failure(answer *http.Response) error {
	var p struct {
		Code   lathe.Code `json:"code"`
		Detail string     `json:"detail"`
		Field  string     `json:"field"`
		Hint   string     `json:"hint"`
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil || json.Unmarshal(data, &p) != nil || p.Code == "" {
		return lathe.Errorf(lathe.CodeUnavailable, "client: the service answered %s", answer.Status).
			WithHint("is that a lathe service?")
	}
	if after := answer.Header.Get("Retry-After"); after != "" && p.Hint == "" {
		p.Hint = "try again in " + after + " seconds"
	}
	return &lathe.Error{Code: p.Code, Field: p.Field, Message: p.Detail, Hint: p.Hint}
}

// drain reads a little of what is left, so that the connection can be used again, and closes the body.
func drain(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // what fails here fails no request
	_ = answer.Body.Close()
}

// Path joins segments into a path under /api/v1, each escaped.
func Path(segments ...string) string {
	var b strings.Builder
	b.WriteString("/api/v1")
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// Query appends parameters in pairs of name and value to a path; empty values are left out.
func Query(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// All reads every page of a list.
func All[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	all := []T{}
	after := ""
	for {
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next"`
		}
		if err := c.Do(ctx, http.MethodGet, Query(path, "after", after, "limit", strconv.Itoa(500)), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		after = page.Next
	}
}

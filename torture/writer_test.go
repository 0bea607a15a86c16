package torture

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lathe"
	"lathe/internal/client"
)

// newWriters makes a writer of each kind over a service with the model penguins.
func newWriters(s *service) []writer {
	s.t.Helper()
	file := s.download("penguins", 1)
	for range 2 {
		must(s.t, s.Send(context.Background(), http.MethodPost, client.Path("models", "penguins", "package"), packageType, bytes.NewReader(file), nil))
	}
	return []writer{
		&datasets{rows: map[string]int{}}, &appends{}, &keys{}, &endpoints{}, &aliases{},
		&secrets{there: map[string]bool{}}, &packages{file: file},
	}
}

const packageType = "application/vnd.lathe.package"

// download takes a package away.
func (s *service) download(model string, version int) []byte {
	s.t.Helper()
	answer, err := s.Open(context.Background(), http.MethodGet, client.Path("models", model, "versions", strconv.Itoa(version), "package"), "", nil)
	must(s.t, err)
	data, err := io.ReadAll(answer.Body)
	must(s.t, err)
	must(s.t, answer.Body.Close())
	return data
}

// datasets adds one after the other.
type datasets struct {
	n    int
	rows map[string]int // of those acknowledged
	last string
}

func (w *datasets) write(ctx context.Context, s *service) error {
	w.n++
	name := fmt.Sprintf("d%05d", w.n)
	rows := 1 + w.n%7
	text := "n,word\n" + strings.Repeat(fmt.Sprintf("%d,w%d\n", w.n, w.n), rows)
	var v lathe.DatasetVersion
	if err := s.Send(ctx, http.MethodPost, client.Path("datasets", name), "text/csv", strings.NewReader(text), &v); err != nil {
		return err
	}
	w.rows[name], w.last = rows, name
	return nil
}

func (w *datasets) check(s *service) {
	s.t.Helper()
	list, err := client.All[lathe.Dataset](context.Background(), s.Client, client.Path("datasets"))
	must(s.t, err)
	found := map[string]int{}
	for _, d := range list {
		found[d.Name] = int(d.Rows)
	}
	for name, rows := range w.rows {
		if found[name] != rows {
			s.t.Fatalf("dataset %s has %d rows, %d were acknowledged", name, found[name], rows)
		}
	}
	if w.last == "" {
		return
	}
	if got := s.cells(w.last); len(got) != w.rows[w.last] {
		s.t.Fatalf("dataset %s: rows %v", w.last, got)
	}
}

// cells reads the first 1,000 rows of a dataset.
func (s *service) cells(name string) [][]any {
	s.t.Helper()
	var answer struct{ Rows [][]any }
	s.do(http.MethodGet, client.Query(client.Path("datasets", name, "rows"), "n", "1000"), nil, &answer)
	return answer.Rows
}

// appends adds to one dataset, row by row.
type appends struct{ acked int }

func (w *appends) write(ctx context.Context, s *service) error {
	path := client.Query(client.Path("datasets", "log"), "append", "true", "header", "yes")
	body := strings.NewReader(fmt.Sprintf("n\n%d\n", w.acked))
	if err := s.Send(ctx, http.MethodPost, path, "text/csv", body, nil); err != nil {
		return err
	}
	w.acked++
	return nil
}

func (w *appends) check(s *service) {
	s.t.Helper()
	var answer struct{ Dataset lathe.Dataset }
	err := s.Do(context.Background(), http.MethodGet, client.Path("datasets", "log"), nil, &answer)
	if w.acked == 0 && lathe.CodeOf(err) == lathe.CodeNotFound {
		return
	}
	must(s.t, err)
	rows := int(answer.Dataset.Rows)
	if rows != w.acked && rows != w.acked+1 {
		s.t.Fatalf("%d rows were appended, %d are there", w.acked, rows)
	}
	for i, row := range s.cells("log") {
		if row[0] != float64(i) {
			s.t.Fatalf("row %d is %v", i, row)
		}
	}
	w.acked = rows
}

// keys makes keys, and revokes every third.
type keys struct {
	n       int
	made    []madeKey
	revoked []madeKey
}

type madeKey struct {
	Key    lathe.Key
	Secret string
}

func (w *keys) write(ctx context.Context, s *service) error {
	if w.n++; w.n%3 == 0 && len(w.made) > 0 {
		key := w.made[0]
		w.made = w.made[1:] // whatever the answer: it may be revoked
		if err := s.Do(ctx, http.MethodDelete, client.Path("keys", key.Key.ID), nil, nil); err != nil {
			return err
		}
		w.revoked = append(w.revoked, key)
		return nil
	}
	var made madeKey
	body := map[string]any{"name": fmt.Sprintf("k%d", w.n), "scopes": []lathe.Scope{{Verb: lathe.VerbRead}}}
	if err := s.Do(ctx, http.MethodPost, client.Path("keys"), body, &made); err != nil {
		return err
	}
	w.made = append(w.made, made)
	return nil
}

func (w *keys) check(s *service) {
	s.t.Helper()
	list, err := client.All[lathe.Key](context.Background(), s.Client, client.Path("keys"))
	must(s.t, err)
	state := map[string]string{}
	for _, k := range list {
		state[k.ID] = "good"
		if k.RevokedAt != nil {
			state[k.ID] = "revoked"
		}
	}
	w.expect(s, state, w.made, "good", "")
	w.expect(s, state, w.revoked, "revoked", lathe.CodeUnauthenticated)
}

// expect compares what is stored of keys, and tries the last one.
func (w *keys) expect(s *service, state map[string]string, keys []madeKey, want string, code lathe.Code) {
	s.t.Helper()
	for _, k := range keys {
		if state[k.Key.ID] != want {
			s.t.Fatalf("key %s is %q, it was acknowledged as %s", k.Key.ID, state[k.Key.ID], want)
		}
	}
	if len(keys) == 0 {
		return
	}
	c, err := client.URL("http://"+s.addr, keys[len(keys)-1].Secret, "")
	must(s.t, err)
	defer c.Close()
	if err := c.Do(context.Background(), http.MethodGet, client.Path("models"), nil, nil); lathe.CodeOf(err) != code {
		s.t.Fatalf("a key that is %s: %v", want, err)
	}
}

// endpoints moves one endpoint between versions.
type endpoints struct{ revision int }

func (w *endpoints) write(ctx context.Context, s *service) error {
	var e lathe.Endpoint
	body := map[string]any{"model": "penguins", "ref": strconv.Itoa(1 + (w.revision+1)%3)}
	if err := s.Do(ctx, http.MethodPut, client.Path("endpoints", "moving"), body, &e); err != nil {
		return err
	}
	w.revision = e.Revision
	return nil
}

func (w *endpoints) check(s *service) {
	s.t.Helper()
	var e lathe.Endpoint
	err := s.Do(context.Background(), http.MethodGet, client.Path("endpoints", "moving"), nil, &e)
	if w.revision == 0 && lathe.CodeOf(err) == lathe.CodeNotFound {
		return
	}
	must(s.t, err)
	if e.Revision != w.revision && e.Revision != w.revision+1 {
		s.t.Fatalf("the endpoint's revision is %d, %d was acknowledged", e.Revision, w.revision)
	}
	if len(e.Routes) != 1 || e.Routes[0].Version != 1+e.Revision%3 || e.Routes[0].Share != 100 {
		s.t.Fatalf("revision %d has routes %v", e.Revision, e.Routes)
	}
	w.revision = e.Revision
	var answer [][]any
	s.do(http.MethodPost, "/predict/moving", []map[string]any{penguin}, &answer)
	if len(answer) != 1 || len(answer[0]) != 3 {
		s.t.Fatalf("the endpoint answers %v", answer)
	}
}

// penguin is a row of the sample.
var penguin = map[string]any{
	"island": "Biscoe", "bill_length_mm": 49.1, "bill_depth_mm": 14.7, "flipper_length_mm": 221, "body_mass_g": 5100,
	"sex": "male", "year": 2009,
}

// aliases moves one alias between versions.
type aliases struct{ acked, tried int }

func (w *aliases) write(ctx context.Context, s *service) error {
	w.tried = 1 + w.acked%3
	if err := s.Do(ctx, http.MethodPut, client.Path("models", "penguins", "aliases", "canary"), map[string]any{"version": w.tried}, nil); err != nil {
		return err
	}
	w.acked = w.tried
	return nil
}

func (w *aliases) check(s *service) {
	s.t.Helper()
	var answer struct{ Model lathe.Model }
	s.do(http.MethodGet, client.Path("models", "penguins"), nil, &answer)
	if got := answer.Model.Aliases["canary"]; got != w.acked && got != w.tried {
		s.t.Fatalf("the alias is on %d, not on %d or %d", got, w.acked, w.tried)
	}
	w.acked = answer.Model.Aliases["canary"]
}

// secrets stores secrets, and deletes every fourth.
type secrets struct {
	n     int
	there map[string]bool // false: deleted; without an entry: in doubt
}

func (w *secrets) write(ctx context.Context, s *service) error {
	w.n++
	name := fmt.Sprintf("s%05d", w.n)
	if w.n%4 == 0 {
		name = fmt.Sprintf("s%05d", w.n-1)
		if !w.there[name] {
			return nil
		}
		delete(w.there, name)
		if err := s.Do(ctx, http.MethodDelete, client.Path("secrets", name), nil, nil); err != nil {
			return err
		}
		w.there[name] = false
		return nil
	}
	if err := s.Send(ctx, http.MethodPut, client.Path("secrets", name), "application/octet-stream", strings.NewReader("secret "+name), nil); err != nil {
		return err
	}
	w.there[name] = true
	return nil
}

func (w *secrets) check(s *service) {
	s.t.Helper()
	var list struct{ Items []string }
	s.do(http.MethodGet, client.Path("secrets"), nil, &list)
	for name, there := range w.there {
		if slices.Contains(list.Items, name) != there {
			s.t.Fatalf("secret %s: acknowledged as there: %v", name, there)
		}
	}
}

// packages brings one file in, version by version.
type packages struct {
	file  []byte
	acked int
}

func (w *packages) write(ctx context.Context, s *service) error {
	var v lathe.ModelVersion
	if err := s.Send(ctx, http.MethodPost, client.Path("models", "imported", "package"), packageType, bytes.NewReader(w.file), &v); err != nil {
		return err
	}
	w.acked = v.Number
	return nil
}

func (w *packages) check(s *service) {
	s.t.Helper()
	var answer struct {
		Model    lathe.Model
		Versions []lathe.ModelVersion
	}
	err := s.Do(context.Background(), http.MethodGet, client.Path("models", "imported"), nil, &answer)
	if w.acked == 0 && lathe.CodeOf(err) == lathe.CodeNotFound {
		return
	}
	must(s.t, err)
	if n := answer.Model.Version; n != w.acked && n != w.acked+1 || len(answer.Versions) != n {
		s.t.Fatalf("the model is at version %d of %d, %d was acknowledged", n, len(answer.Versions), w.acked)
	}
	w.acked = answer.Model.Version
	if got := s.download("imported", w.acked); !bytes.Equal(got, w.file) {
		s.t.Fatalf("version %d has %d bytes that are not those brought in", w.acked, len(got))
	}
}

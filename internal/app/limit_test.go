package app

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lathe"
	"lathe/internal/client"
)

// noon is a moment far from the end of a minute and of a day.
var noon = time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(noon.UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// question is one way to ask for a prediction.
type question struct{ path, body string }

// questions are the same question in the protocols that share one limit.
var questions = []question{
	{"/predict/penguins", penguin},
	{"/v1/models/penguins:predict", `{"instances":` + penguin + `}`},
	{"/endpoints/penguins/invocations", `{"dataframe_records":` + penguin + `}`},
}

// tally is what came back of many requests.
type tally struct {
	mu      sync.Mutex
	good    int
	refused map[string]int // X-Should-Retry, and whether there is a Retry-After
}

const (
	forGood   = "retry=false after=false" // a budget is used up
	forAWhile = "retry=true after=true"
)

func (c *tally) add(t *testing.T, answer *http.Response, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer.StatusCode == http.StatusOK {
		c.good++
		return
	}
	if answer.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(data), "the key's limit is ") {
		t.Errorf("%d %s", answer.StatusCode, data)
	}
	wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	again := answer.Header.Get("X-Should-Retry")
	var p struct{ Code lathe.Code }
	if strings.Contains(answer.Header.Get("Content-Type"), "problem+json") { // the other protocols have words of their own
		must(t, json.Unmarshal(data, &p))
		if want := map[string]lathe.Code{"false": lathe.CodeExhausted, "true": lathe.CodeRateLimited}[again]; p.Code != want {
			t.Errorf("code %s, want %s", p.Code, want)
		}
	}
	c.refused["retry="+again+" after="+strconv.FormatBool(err == nil && wait >= 1)]++
}

// flood sends so many requests at once.
func (s *service) flood(t *testing.T, key string, n int, questions []question) *tally {
	t.Helper()
	count := &tally{refused: map[string]int{}}
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			q := questions[i%len(questions)]
			answer, data := s.ask(http.MethodPost, q.path, key, q.body, nil)
			count.add(t, answer, data)
		})
	}
	close(start)
	group.Wait()
	return count
}

// TestLimitsAreExact floods keys of different limits with 1,000 requests at once, in three protocols: as many are
// admitted as the limit says, the others are told why and whether to come back.
func TestLimitsAreExact(t *testing.T) {
	home, _ := sampleHome(t)
	clock := newClock()
	s := startIn(t, home, func(o *Options) { overTCP(o); o.Clock = clock.now })
	for _, c := range []struct {
		window  lathe.Window
		refused string
		next    time.Duration // until it starts anew; 0: never
	}{
		{lathe.WindowDay, forGood, 24 * time.Hour},
		{lathe.WindowMinute, forAWhile, time.Minute},
		{lathe.WindowTotal, forGood, 0},
	} {
		_, key := s.limited(lathe.Limit{Unit: lathe.UnitRequests, Max: 100, Window: c.window})
		first := s.flood(t, key, 1000, questions)
		if first.good != 100 || first.refused[c.refused] != 900 {
			t.Errorf("%s: %d admitted, refused %v", c.window, first.good, first.refused)
		}
		if c.next == 0 {
			continue
		}
		clock.advance(c.next)
		if again := s.flood(t, key, 150, questions); again.good != 100 || again.refused[c.refused] != 50 {
			t.Errorf("%s, the next one: %d admitted, refused %v", c.window, again.good, again.refused)
		}
	}
	s.stop()
}

// limited makes a caller's key with a limit.
func (s *service) limited(limits ...lathe.Limit) (lathe.Key, string) {
	s.t.Helper()
	return s.newKey(map[string]any{
		"name": "limited", "kind": lathe.KindCaller, "scopes": []lathe.Scope{{Verb: lathe.VerbPredict, Model: "penguins"}}, "limits": limits,
	})
}

// TestRowLimits counts rows, not requests; what does not fit is refused whole and costs nothing.
func TestRowLimits(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, func(o *Options) { overTCP(o); o.Clock = newClock().now })
	_, key := s.limited(lathe.Limit{Unit: lathe.UnitRows, Max: 250, Window: lathe.WindowDay})
	ten := "[" + strings.TrimSuffix(strings.Repeat(strings.Trim(penguin, "[]")+",", 10), ",") + "]"
	count := s.flood(t, key, 100, []question{{"/predict/penguins", ten}})
	if count.good != 25 || count.refused[forGood] != 75 {
		t.Errorf("%d admitted, refused %v", count.good, count.refused)
	}
	bad, key2 := s.limited(lathe.Limit{Unit: lathe.UnitRows, Max: 10, Window: lathe.WindowDay})
	if answer, data := s.ask(http.MethodPost, "/predict/penguins", key2, strings.Replace(ten, "221", `"tall"`, 1), nil); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a bad row: %d %s", answer.StatusCode, data)
	}
	if answer, data := s.ask(http.MethodPost, "/predict/penguins", key2, ten, nil); answer.StatusCode != http.StatusOK {
		t.Errorf("after a bad row of key %s: %d %s", bad.ID, answer.StatusCode, data)
	}
	s.stop()
}

// TestLimitsSurvive uses a part of a day's limit, and goes on in the service that comes after: after a stop the rest is
// there to the last one, after a kill never more than the rest.
func TestLimitsSurvive(t *testing.T) {
	home, _ := sampleHome(t)
	fixed := func(o *Options) { overTCP(o); o.Clock = newClock().now }
	s := startIn(t, home, fixed)
	_, key := s.limited(lathe.Limit{Unit: lathe.UnitRequests, Max: 100, Window: lathe.WindowDay})
	if count := s.flood(t, key, 40, questions); count.good != 40 {
		t.Fatalf("%d admitted, refused %v", count.good, count.refused)
	}
	killed := copyHome(t, home)
	s.stop()
	s = startIn(t, home, fixed)
	if count := s.flood(t, key, 100, questions); count.good != 60 {
		t.Errorf("after a stop: %d admitted of 60 left", count.good)
	}
	s.stop()
	s = startIn(t, killed, fixed)
	if count := s.flood(t, key, 100, questions); count.good > 60 || count.good < 58 {
		t.Errorf("after a kill: %d admitted of 60 left", count.good)
	}
	s.stop()
}

// TestRevokedKey revokes a key that eight callers use and that watches a run: no request that begins after the answer
// is admitted, and the stream ends.
func TestRevokedKey(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, overTCP)
	made, key := s.newKey(map[string]any{"name": "doomed", "scopes": []lathe.Scope{{Verb: lathe.VerbPredict}, {Verb: lathe.VerbRead}}})
	id := s.stoppedRun().ID
	s.do(http.MethodPost, client.Path("runs", id, "resume"), nil, nil)
	line := &http.Transport{MaxConnsPerHost: 1}
	stream := s.watch(line, id, key)
	var revoked atomic.Bool
	var admitted atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for refused := 0; refused < 20; {
				late := revoked.Load()
				answer, data := s.ask(http.MethodPost, "/predict/penguins", key, penguin, nil)
				switch {
				case answer.StatusCode == http.StatusOK && !late:
					admitted.Add(1)
				case answer.StatusCode == http.StatusUnauthorized:
					refused++
				default:
					t.Errorf("after the revocation: %v: %d %s", late, answer.StatusCode, data)
					return
				}
			}
		})
	}
	for admitted.Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	s.do(http.MethodDelete, client.Path("keys", made.ID), nil, nil)
	revoked.Store(true)
	began := time.Now()
	_, err := io.Copy(io.Discard, stream)
	t.Logf("%d requests were admitted before; the stream ended %v after the answer: %v", admitted.Load(), time.Since(began).Round(time.Millisecond), err)
	group.Wait()
	s.reuse(line)
	if run := s.until(id, func(lathe.Run) bool { return true }); run.State != lathe.RunRunning && run.State != lathe.RunQueued {
		t.Errorf("the run itself is %s: the stream may have ended with it", run.State)
	}
	s.do(http.MethodPost, client.Path("runs", id, "stop"), nil, nil)
	s.stop()
}

// reuse asks with a good key on the connection that the stream was cut on, as a proxy does that shares connections.
func (s *service) reuse(line *http.Transport) {
	s.t.Helper()
	for range 3 {
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.Addr()+"/api/v1/models", nil)
		must(s.t, err)
		r.Header.Set("Authorization", "Bearer "+s.owner())
		answer, err := line.RoundTrip(r)
		must(s.t, err)
		data, err := io.ReadAll(answer.Body)
		must(s.t, err)
		must(s.t, answer.Body.Close())
		if answer.StatusCode != http.StatusOK {
			s.t.Errorf("on the stream's connection: %d %s", answer.StatusCode, data)
		}
	}
	line.CloseIdleConnections()
}

// watch opens a run's stream and reads its first bytes.
func (s *service) watch(line *http.Transport, id, key string) io.ReadCloser {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.Addr()+client.Path("runs", id, "events"), nil)
	must(s.t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := line.RoundTrip(r)
	must(s.t, err)
	s.t.Cleanup(func() { _ = answer.Body.Close() }) // cut already
	_, err = io.ReadFull(answer.Body, make([]byte, 20))
	must(s.t, err)
	return answer.Body
}

// TestEndedStaysEnded restores a backup that is older than a revocation and an erasure: both hold.
func TestEndedStaysEnded(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, overTCP)
	made, key := s.newKey(map[string]any{"name": "doomed", "scopes": []lathe.Scope{{Verb: lathe.VerbRead}}})
	_, kept := s.newKey(map[string]any{"name": "kept", "scopes": []lathe.Scope{{Verb: lathe.VerbRead}}})
	backup := filepath.Join(newDir(t), "backup")
	s.backup(backup)
	s.do(http.MethodDelete, client.Path("keys", made.ID), nil, nil)
	s.do(http.MethodPost, client.Path("datasets", "people", "erasures"), lathe.EraseSpec{Column: "name", Equals: "Cleo"}, nil)
	s.do(http.MethodDelete, client.Path("datasets", "penguins"), nil, nil)
	s.stop()
	restore(t, home, backup)
	s = startIn(t, home, overTCP)
	if answer, data := s.ask(http.MethodGet, "/api/v1/models", key, "", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the revoked key: %d %s", answer.StatusCode, data)
	}
	if answer, data := s.ask(http.MethodGet, "/api/v1/models", kept, "", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("the other key: %d %s", answer.StatusCode, data)
	}
	versions := 0
	for n := 1; ; n++ {
		var answer struct{ Rows [][]any }
		err := s.Do(t.Context(), http.MethodGet, client.Query(client.Path("datasets", "people", "rows"), "version", strconv.Itoa(n)), nil, &answer)
		if lathe.CodeOf(err) == lathe.CodeNotFound {
			break
		}
		must(t, err)
		versions++
		text, err := json.Marshal(answer.Rows)
		must(t, err)
		if string(text) != `[["Ada",36]]` {
			t.Errorf("version %d: %s", n, text)
		}
	}
	if versions < 2 {
		t.Errorf("%d versions", versions)
	}
	s.do(http.MethodGet, client.Path("datasets", "penguins", "rows"), nil, nil) // what was merely deleted is back
	checkHealth(t, s)
	s.stop()
}

package store_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lathe"
)

// filled makes one of everything in the env's project and gives the run's running lease and the key's id.
func (e *env) filled(t *testing.T) (lathe.Lease, string) {
	t.Helper()
	must1(t)(e.CommitDataset(ctx, e.p, draft("churn", 0, "one")))
	e.createVersion(t, "churn")
	e.createVersion(t, "churn")
	must1(t)(e.SetAlias(ctx, e.p, "churn", "champion", 1))
	must1(t)(e.SetAlias(ctx, e.p, "churn", "champion", 2))
	e.deploy(t, "first", lathe.Route{Model: "churn", Version: 1, Share: 100})
	e.deploy(t, "churn", lathe.Route{Model: "churn", Version: 1, Share: 100})
	key := value[lathe.Key](t)(e.CreateKey(ctx, e.p, lathe.Key{ID: "given", Kind: lathe.KindService, Hash: hashOf("k of " + string(e.p))}))
	must(t, e.PutSecret(ctx, e.p, "churn", []byte("of "+string(e.p))))
	must(t, e.SaveUsage(ctx, []lathe.UsageRecord{{Project: e.p, Key: key.ID, Unit: "rows", Window: "day", Used: 1}}))
	must1(t)(e.BeginReply(ctx, e.p, "ana", "k", nil, time.Hour))
	lease := e.claim(t, e.create(t).ID)
	must1(t)(e.AppendEvents(ctx, lease, log(1)))
	return lease, key.ID
}

// filledOtherwise gives the env's project the same names with other things behind them.
func (e *env) filledOtherwise(t *testing.T) {
	t.Helper()
	d := draft("churn", 0, "small", "more")
	d.Add[0].Rows, d.Rows = 3, 13
	must1(t)(e.CommitDataset(ctx, e.p, d))
	erase := draft("churn", 1)
	erase.Rows, erase.Erase = 11, []lathe.Erasure{{Segment: 0, Rows: []int64{0, 2}}}
	must1(t)(e.CommitDataset(ctx, e.p, erase))
	for range 4 {
		e.createVersion(t, "churn")
	}
	must1(t)(e.SetAlias(ctx, e.p, "churn", "champion", 4))
	must1(t)(e.SetAlias(ctx, e.p, "churn", "wild", 3))
	must1(t)(e.SetAlias(ctx, e.p, "churn", "two", 2))
	e.deploy(t, "churn", lathe.Route{Model: "churn", Alias: "wild", Share: 60}, lathe.Route{Model: "churn", Version: 2, Share: 40})
	e.deploy(t, "mine", lathe.Route{Model: "churn", Version: 2, Share: 100})
	must1(t)(e.CreateKey(ctx, e.p, lathe.Key{ID: "given", Kind: lathe.KindCaller, Name: "x", Hash: hashOf("k of " + string(e.p))}))
	must(t, e.PutSecret(ctx, e.p, "churn", []byte("of "+string(e.p))))
	must(t, e.SaveUsage(ctx, []lathe.UsageRecord{{Project: e.p, Key: "given", Unit: "tokens", Window: "day", Used: 7}}))
	must1(t)(e.BeginReply(ctx, e.p, "ana", "k", nil, time.Hour))
	lease := e.claim(t, e.create(t).ID)
	must1(t)(e.AppendEvents(ctx, lease, log(2)))
	must(t, e.ReleaseRun(ctx, lease))
}

// TestOtherProject: with another project's names and ids every method answers as for unknown ones, and changes nothing.
func TestOtherProject(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease, key := e.filled(t)
		before := e.dump(t)
		foreign := lease
		foreign.Project = b
		unknown := lathe.Lease{Project: b, Run: strings.Repeat("0", 26), Holder: lease.Holder, Token: 1}
		for method, call := range accesses(e) {
			if call == nil {
				continue
			}
			found, err := call(b, lease.Run, key, "churn", foreign)
			nothing, want := call(b, unknown.Run, unknown.Run, "nope1", unknown)
			if lathe.CodeOf(err) != lathe.CodeOf(want) || message(err) != message(want) || !reflect.DeepEqual(found, nothing) {
				t.Errorf("%s tells of another project:\n%v, %v\nunknown:\n%v, %v", method, found, err, nothing, want)
			}
			if err == nil && reflect.ValueOf(found).Len() > 0 {
				t.Errorf("%s found %v", method, found)
			}
		}
		if after := e.dump(t); !reflect.DeepEqual(after, before) {
			t.Errorf("another project changed\n%v\nto\n%v", before, after)
		}
	})
}

// TestNeighbour does everything in a project beside another one with the same names: each method finds what it finds
// where there is no neighbour, and the neighbour's rows stay as they are.
func TestNeighbour(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		alone := newEnv(t, openSQLite(t))
		alone.p, e.p = b, b
		aloneLease, aloneKey := alone.filled(t)
		e.beside(t, a) // before in every table
		e.renew(nil)   // the same ids
		lease, key := e.filled(t)
		e.beside(t, z)
		before := rowsOf(e.dump(t), a, z)
		e.clock.add(time.Second)
		alone.clock.add(time.Second)
		here, there := accesses(e), accesses(alone)
		methods := slices.SortedFunc(maps.Keys(here), func(x, y string) int { return cmp.Or(turn(x)-turn(y), strings.Compare(x, y)) })
		for _, method := range methods {
			if here[method] == nil {
				continue
			}
			got, err := here[method](b, lease.Run, key, "churn", lease)
			want, wantErr := there[method](b, aloneLease.Run, aloneKey, "churn", aloneLease)
			if !reflect.DeepEqual(got, want) || lathe.CodeOf(err) != lathe.CodeOf(wantErr) {
				t.Errorf("%s beside a neighbour gives\n%+v, %v\nalone\n%+v, %v", method, got, err, want, wantErr)
			}
		}
		if after := rowsOf(e.dump(t), a, z); len(before) < 30 || !reflect.DeepEqual(after, before) {
			t.Errorf("the neighbour's rows\n%v became\n%v", before, after)
		}
		if got, want := withoutSeals(rowsOf(e.dump(t), b)), withoutSeals(rowsOf(alone.dump(t), b)); !reflect.DeepEqual(got, want) {
			t.Errorf("beside a neighbour the rows are\n%v, alone\n%v", got, want)
		}
	})
}

// turn has methods that find go first and those that delete or end something last.
func turn(method string) int {
	switch {
	case strings.HasPrefix(method, "Find"):
		return 0
	case strings.HasPrefix(method, "Delete"), strings.HasPrefix(method, "Finish"), method == "ReleaseRun":
		return 2
	}
	return 1
}

// beside fills another project otherwise, with the ids that the env's has.
func (e *env) beside(t *testing.T, p lathe.Project) {
	t.Helper()
	mine := e.p
	defer func() { e.p = mine }()
	e.p = p
	e.renew(nil)
	e.filledOtherwise(t)
}

// rowsOf picks projects' rows out of a dump.
func rowsOf(dump map[string][]string, projects ...lathe.Project) (rows []string) {
	for table, all := range dump {
		for _, row := range all {
			for _, p := range projects {
				if strings.HasPrefix(row, `["`+string(p)+`"`) {
					rows = append(rows, table+row)
				}
			}
		}
	}
	slices.Sort(rows)
	return rows
}

var sealedValue = regexp.MustCompile(`"A[Q-Za-f][A-Za-z0-9+/=]{40,}"`)

// withoutSeals takes out what is sealed: its nonces are random.
func withoutSeals(rows []string) []string {
	out := []string{}
	for _, row := range rows {
		out = append(out, sealedValue.ReplaceAllString(row, "sealed"))
	}
	slices.Sort(out)
	return out
}

// message is an error without the names that were asked for.
func message(err error) string {
	var e *lathe.Error
	if !errors.As(err, &e) {
		return ""
	}
	fields := strings.FieldsFunc(e.Message, func(r rune) bool { return r == '"' })
	if len(fields) > 1 {
		fields[1] = ""
	}
	return strings.Join(fields, "") + e.Field + e.Hint
}

// dump reads every table whole.
func (e *env) dump(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range e.tables(t) {
		if rows := e.dumpTable(t, table); rows != nil {
			out[table] = rows
		}
	}
	return out
}

func (e *env) dumpTable(t *testing.T, table string) (out []string) {
	t.Helper()
	rows, err := e.db.Read.QueryContext(ctx, `SELECT * FROM `+table)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		must(t, rows.Scan(into...))
		text, err := json.Marshal(row)
		must(t, err)
		out = append(out, string(text))
	}
	must(t, rows.Err())
	return out
}

// tables lists the tables of the database.
func (e *env) tables(t *testing.T) (names []string) {
	t.Helper()
	rows, err := e.db.Read.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	must(t, rows.Err())
	return names
}

// TestNothingReadable: what a person could have forgotten is in no table as it is.
func TestNothingReadable(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		d := draft("churn", 0, "one")
		d.Profile = json.RawMessage(`"PERSONAL profile"`)
		must1(t)(e.CommitDataset(ctx, a, d))
		must(t, e.PutSecret(ctx, a, "s", []byte("PERSONAL secret")))
		lease := e.claim(t, e.create(t).ID)
		must1(t)(e.AppendEvents(ctx, lease, []lathe.Event{{Kind: "log", Data: json.RawMessage(`"PERSONAL log"`)}}))
		_, _, err := e.FinishRun(ctx, lease, lathe.Outcome{
			State:  lathe.RunFailed,
			Error:  &lathe.Problem{Message: "PERSONAL value"},
			Result: func(int) (json.RawMessage, error) { return json.RawMessage(`"PERSONAL result"`), nil },
			Model: &lathe.ModelVersion{
				Model: "m", Package: blobOf("m"), Manifest: json.RawMessage(`"PERSONAL level"`), Evaluation: json.RawMessage(`"PERSONAL class"`),
			},
		})
		must(t, err)
		must1(t)(e.BeginReply(ctx, a, "ana", "k", nil, time.Hour))
		must(t, e.FinishReply(ctx, a, "ana", "k", &lathe.Reply{Header: map[string]string{"X": "PERSONAL"}, Body: []byte("PERSONAL body")}))
		for table, rows := range e.dump(t) {
			var values []any
			for _, row := range rows {
				must(t, json.Unmarshal([]byte(row), &values))
				for _, v := range values {
					if text, ok := v.(string); ok && strings.Contains(decoded(text), "PERSONAL") {
						t.Errorf("table %s holds %s", table, decoded(text))
					}
				}
			}
		}
	})
}

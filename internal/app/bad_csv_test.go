package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// wide makes a CSV file of so many columns and two rows.
func wide(columns int) string {
	var head, one, two strings.Builder
	for i := range columns {
		comma := ","
		if i == columns-1 {
			comma = "\n"
		}
		fmt.Fprintf(&head, "c%d%s", i, comma)
		fmt.Fprintf(&one, "%d%s", i, comma)
		fmt.Fprintf(&two, "%d.5%s", i, comma)
	}
	return head.String() + one.String() + two.String()
}

// TestBadFiles uploads what is no table, and sees code, message and way out; nothing is stored.
func TestBadFiles(t *testing.T) {
	s := startIn(t, newHome(t), nil)
	for _, c := range []struct {
		name, file string
		code       lathe.Code
		says       string
		options    []string
	}{
		{"empty", "", lathe.CodeInvalid, "the file is empty", nil},
		{"blank", "\n \n\n", lathe.CodeInvalid, "empty", nil},
		{"only a header", "a,b\n", lathe.CodeInvalid, "has a header but no rows", []string{"header", "yes"}},
		{"ragged", "a,b\n1,2\n1,2,3\n", lathe.CodeInvalid, "line 3", nil},
		{"a column twice", "a,b,a\n1,2,3\n4,5,6\n", lathe.CodeInvalid, "twice", nil},
		{"10,001 columns", wide(10_001), lathe.CodeTooLarge, "10001 columns", nil},
		{"an open quote", "a,b\n1,\"2\n3,4\n", lathe.CodeInvalid, "quote", nil},
		{"not text", "a,b\n1,\x00\x01\x02\n", lathe.CodeInvalid, "", nil},
		{"a zip file", "PK\x03\x04 and so on", lathe.CodeInvalid, "", nil},
		{"UTF-16", "\xff\xfea\x00,\x00b\x00\n\x00", lathe.CodeInvalid, "UTF-16", nil},
		{"Latin-1", "name,age\nJos\xe9,3\n", lathe.CodeInvalid, "UTF-8", nil},
		{"bad delimiter", "a;b\n1;2\n", lathe.CodeInvalid, "delimiter", []string{"delimiter", "ab"}},
		{"bad header option", "a;b\n1;2\n", lathe.CodeInvalid, "header", []string{"header", "perhaps"}},
	} {
		_, err := s.upload("bad", c.file, c.options...)
		var known *lathe.Error
		if !errors.As(err, &known) || known.Code != c.code || !strings.Contains(known.Message, c.says) || known.Hint == "" {
			t.Errorf("%s: %v, %+v", c.name, err, known)
		}
	}
	list, err := client.All[lathe.Dataset](t.Context(), s.Client, client.Path("datasets"))
	if must(t, err); len(list) != 0 {
		t.Errorf("stored: %v", list)
	}
	v, err := s.upload("wide", wide(10_000))
	if must(t, err); len(v.Columns) != 10_000 || v.Rows != 2 {
		t.Errorf("%d columns, %d rows", len(v.Columns), v.Rows)
	}
	checkHealth(t, s)
	s.stop()
}

// TestBadTargets trains on what cannot be learnt, and sees code, field, message and way out.
func TestBadTargets(t *testing.T) {
	s := startIn(t, newHome(t), nil)
	rows := func(y ...string) string {
		var b strings.Builder
		b.WriteString("x,y\n")
		for i, v := range y {
			fmt.Fprintf(&b, "%d,%s\n", i*i%7, v)
		}
		return b.String()
	}
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("person-%d", i))
	}
	good := rows("a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b")
	for _, c := range []struct {
		name, file, target string
		edit               func(*lathe.TrainSpec)
		field, says        string
	}{
		{"no such column", good, "z", nil, "target", `no column "z"`},
		{"none named", good, "", nil, "target", "no target"},
		{"constant", rows("a", "a", "a", "a", "a", "a", "a", "a"), "y", nil, "target", "is constant"},
		{"all unique", rows(names...), "y", nil, "target", "unique"},
		{"mostly missing", rows("", "", "", "", "", "", "a", "b"), "y", nil, "target", "missing"},
		{"one class with one row", rows("a", "a", "a", "a", "a", "a", "a", "b"), "y", nil, "target", "one row"},
		{"numbers as text", rows(`"1,234"`, `"2,345"`, `"3,456"`, `"4,567"`, `"5,678"`, `"6,789"`, `"7,891"`, `"8,912"`), "y", nil, "target", "1,234"},
		{"infinity", rows("0.5", "inf", "1.5", "2.5", "3.7", "4.1", "5.5", "6.25"), "y", nil, "target", "is +Inf in row 1"},
		{"unknown task", good, "y", func(s *lathe.TrainSpec) { s.Task = "sorting" }, "task", "sorting"},
		{"unknown recipe", good, "y", func(s *lathe.TrainSpec) { s.Recipe = "magic" }, "recipe", "magic"},
		{"unknown number", good, "y", func(s *lathe.TrainSpec) { s.Set = map[string]string{"hiden": "3"} }, "set.hiden", "hiden"},
		{"epochs below one", good, "y", func(s *lathe.TrainSpec) { s.Epochs = -3 }, "epochs", "epochs"},
		{"shares over one", good, "y", func(s *lathe.TrainSpec) { s.Split = "0.5/0.9/0.9" }, "split", "split"},
		{"bad name", good, "y", func(s *lathe.TrainSpec) { s.Name = "../evil" }, "name", "not a valid name"},
		{"diverging", string(samples.Penguins), samples.Target, func(s *lathe.TrainSpec) {
			s.LearningRate, s.Epochs, s.Batch = 1000, 3, 8
			s.Set = map[string]string{"optimizer": "sgd", "momentum": "0.99"}
		}, "", "diverged at step"},
	} {
		_, err := s.upload("t", c.file, "header", "yes")
		must(t, err)
		spec := lathe.TrainSpec{Dataset: "t", Target: c.target, Recipe: "mlp", Epochs: 2}
		if c.edit != nil {
			c.edit(&spec)
		}
		known := s.trainBadly(spec)
		if known == nil || known.Code != lathe.CodeInvalid || c.field != "" && known.Field != c.field || !strings.Contains(known.Message, c.says) || known.Hint == "" {
			t.Errorf("%s: %+v", c.name, known)
		}
	}
	s.stop()
}

// trainBadly gives why a training was refused, at once or as its run's end; nil where it was not.
func (s *service) trainBadly(spec lathe.TrainSpec) *lathe.Error {
	s.t.Helper()
	var run lathe.Run
	err := s.Do(s.t.Context(), http.MethodPost, client.Path("runs"), map[string]any{"kind": "train", "train": spec}, &run)
	var known *lathe.Error
	if errors.As(err, &known) {
		return known
	}
	must(s.t, err)
	run = s.until(run.ID, func(run lathe.Run) bool { return run.State.Final() })
	if run.State != lathe.RunFailed {
		return nil
	}
	return &lathe.Error{Code: run.Error.Code, Field: run.Error.Field, Message: run.Error.Message, Hint: run.Error.Hint}
}

package guard

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lathe"
)

type inner struct {
	Epochs int     `json:"epochs"`
	Rate   float64 `json:"rate"`
}

type outer struct {
	Name  string            `json:"name"`
	Train *inner            `json:"train,omitempty"`
	List  []inner           `json:"list"`
	Set   map[string]string `json:"set"`
	Raw   json.RawMessage   `json:"raw"`
}

func TestDecodeJSON(t *testing.T) {
	for _, c := range []struct{ name, body, field, says string }{
		{"fine", `{"name":"x","train":{"epochs":3,"rate":0.5},"set":{"a":"b"},"raw":{"any":[1]}}`, "", ""},
		{"empty", ``, "", "empty"},
		{"blank", ` `, "", ""},
		{"cut off", `{"name":"x"`, "", ""},
		{"two values", `{} {}`, "", ""},
		{"unknown", `{"nam":"x"}`, "nam", "is not a field"},
		{"unknown below", `{"train":{"epoch":3}}`, "train.epoch", "is not a field"},
		{"other case", `{"Name":"x"}`, "Name", "is not a field"},
		{"twice", `{"name":"x","name":"y"}`, "name", "duplicate"},
		{"twice below", `{"set":{"a":"b","a":"c"}}`, "set.a", "duplicate"},
		{"twice in raw", `{"raw":{"a":1,"a":2}}`, "raw.a", "duplicate"},
		{"wrong type", `{"train":{"epochs":"many"}}`, "train.epochs", "cannot be string, it is a whole number"},
		{"fraction", `{"train":{"epochs":1.5}}`, "train.epochs", "whole number"},
		{"in a list", `{"list":[{"epochs":1},{"epochs":true}]}`, "list.1.epochs", "whole number"},
		{"1e999", `{"train":{"rate":1e999}}`, "train.rate", "a number"},
		{"NaN", `{"train":{"rate":NaN}}`, "train.rate", "invalid"},
		{"big", `{"train":{"epochs":99999999999999999999}}`, "train.epochs", "whole number"},
		{"UTF-8", "{\"name\":\"\xff\"}", "name", "UTF-8"},
		{"deep", `{"raw":` + strings.Repeat("[", 100_000), "", "nested deeper than 64"},
		{"list for object", `[]`, "", "it is an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out outer
			err := DecodeJSON([]byte(c.body), &out)
			if c.name == "fine" {
				if err != nil || out.Train.Epochs != 3 {
					t.Errorf("%v", err)
				}
				return
			}
			var e *lathe.Error
			if !errors.As(err, &e) || e.Code != lathe.CodeInvalid || e.Field != c.field || !strings.Contains(e.Message, c.says) || len(e.Message) > 300 {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	for depth, fine := range map[int]bool{64: true, 65: false} {
		if err := CheckDepth([]byte(strings.Repeat("[", depth) + `"]]\"[["` + strings.Repeat("]", depth))); (err == nil) != fine {
			t.Errorf("%d: %v", depth, err)
		}
	}
}

func TestReadJSON(t *testing.T) {
	for header, code := range map[string]lathe.Code{
		"": "", "application/json": "", "application/json; charset=utf-8": "", "Application/JSON": "", "text/plain": lathe.CodeUnsupported,
		"application/json; charset=utf-16": lathe.CodeUnsupported, "application/x-www-form-urlencoded": lathe.CodeUnsupported, "json": lathe.CodeUnsupported,
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(`{"name":"x"}`))
		r.Header.Set("Content-Type", header)
		if header == "" {
			r.Header.Del("Content-Type")
		}
		var out outer
		if err := ReadJSON(r, &out); lathe.CodeOf(err) != code {
			t.Errorf("%q: %v", header, err)
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{}`))
	r.Header.Set("Content-Encoding", "gzip")
	if err := ReadJSON(r, &outer{}); lathe.CodeOf(err) != lathe.CodeUnsupported {
		t.Errorf("gzip: %v", err)
	}
}

// TestLyingLength: a length that lies costs no memory, and a body that ends early is no document.
func TestLyingLength(t *testing.T) {
	r := httptest.NewRequest("POST", "/", nil)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 1<<40
	data, err := ReadBody(r)
	if err != nil || cap(data) > 2*FirstRoom {
		t.Errorf("%d bytes of room, %v", cap(data), err)
	}
	r.Body = http.NoBody
	if data, err := ReadBody(r); err != nil || len(data) != 0 {
		t.Errorf("%q, %v", data, err)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add(`{"name":"x","train":{"epochs":3}}`)
	f.Add(`{"raw":[[[{"a":"\u0000"}]]]}`)
	f.Fuzz(func(t *testing.T, body string) {
		var out outer
		if err := DecodeJSON([]byte(body), &out); err != nil {
			if lathe.CodeOf(err) != lathe.CodeInvalid {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%q is no JSON", body)
		}
	})
}

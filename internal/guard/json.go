package guard

import (
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"lathe"
)

// MaxDepth is how deep a JSON text may nest.
const MaxDepth = 64

// CheckContentType accepts a request whose media type is one of those given; no type at all counts as the first. The
// error is CodeUnsupported.
func CheckContentType(r *http.Request, types ...string) (string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return types[0], nil
	}
	for _, t := range types {
		if header == t {
			return t, nil
		}
	}
	media, params, err := mime.ParseMediaType(header)
	for _, t := range types {
		if err == nil && media == t && utf8Charset(params["charset"]) {
			return t, nil
		}
	}
	return "", lathe.Errorf(lathe.CodeUnsupported, "guard: content type %s is not read here", quoteShort(header)).
		WithField("Content-Type").WithHint("send %s in UTF-8", strings.Join(types, " or "))
}

func utf8Charset(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

// CheckEncoding refuses compressed bodies: their size is not known before they are unpacked.
func CheckEncoding(r *http.Request) error {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return lathe.Errorf(lathe.CodeUnsupported, "guard: content encoding %s is not read", quoteShort(enc)).WithField("Content-Encoding").WithHint("send the body uncompressed")
	}
	return nil
}

// ReadJSON reads a body of type application/json into v, as DecodeJSON does.
func ReadJSON(r *http.Request, v any) error {
	if _, err := CheckContentType(r, "application/json"); err != nil {
		return err
	}
	if err := CheckEncoding(r); err != nil {
		return err
	}
	data, err := ReadBody(r)
	if err != nil {
		return err
	}
	return DecodeJSON(data, v)
}

// DecodeJSON is the one strict reader: UTF-8, depth, no name twice, no unknown name, no number out of range. The error
// is CodeInvalid and names the field.
func DecodeJSON(data []byte, v any) error {
	if len(data) == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "guard: json: the body is empty")
	}
	if err := CheckDepth(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return jsonError(err)
	}
	return nil
}

// CheckDepth refuses what nests deeper than MaxDepth, before a parser recurses into it.
func CheckDepth(data []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return lathe.Errorf(lathe.CodeInvalid, "guard: json: nested deeper than %d at byte %d", MaxDepth, i)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// jsonError turns a decoder's error into one that names the field as a user writes it: train.epochs.
func jsonError(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		field := fieldOf(semantic.JSONPointer)
		return lathe.Errorf(lathe.CodeInvalid, "guard: json: %s%s", at(field), semanticReason(semantic)).WithField(field)
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		field := fieldOf(syntactic.JSONPointer)
		reason := strings.TrimPrefix(syntactic.Err.Error(), "jsontext: ")
		return lathe.Errorf(lathe.CodeInvalid, "guard: json: %s%s at byte %d", at(field), reason, syntactic.ByteOffset).WithField(field)
	}
	return lathe.Errorf(lathe.CodeInvalid, "guard: json: the body is not complete")
}

func semanticReason(err *json.SemanticError) string {
	if errors.Is(err.Err, json.ErrUnknownName) {
		return "is not a field here"
	}
	got := string(err.JSONKind.String())
	if len(err.JSONValue) > 0 && len(err.JSONValue) <= 60 {
		got = string(err.JSONValue)
	}
	if err.GoType == nil {
		return "cannot be " + got
	}
	return "cannot be " + got + ", it is " + typeName(err.GoType)
}

// typeName names a Go type as someone who writes JSON does.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Pointer:
		return typeName(t.Elem())
	default:
		return "an object"
	}
}

func at(field string) string {
	if field == "" {
		return ""
	}
	return quoteShort(field) + " "
}

// fieldOf writes a JSON pointer with dots.
func fieldOf(pointer jsontext.Pointer) string {
	var parts []string
	for token := range pointer.Tokens() {
		parts = append(parts, token)
	}
	return strings.Join(parts, ".")
}

package row

import (
	"github.com/go-json-experiment/json/jsontext"

	"lathe"
)

// Scanner reads a JSON text from front to back. It is as strict as the gate's reader (UTF-8, no name twice, nothing after
// the end) and never recurses.
type Scanner struct {
	data []byte
	at   int
}

// NewScanner reads data, which must not change until the scanner is done.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// space skips blanks and gives the next byte, 0 at the end.
func (s *Scanner) space() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// Peek gives the kind of the next value as its first byte: one of { [ " 0 t f n, or 0 for none.
func (s *Scanner) Peek() byte {
	switch c := s.space(); {
	case c == '-' || c-'0' <= 9:
		return '0'
	case c == '{' || c == '[' || c == '"' || c == 't' || c == 'f' || c == 'n':
		return c
	default:
		return 0
	}
}

// End checks that nothing follows.
func (s *Scanner) End() error {
	if s.space(); s.at < len(s.data) {
		return s.syntax("something follows the end")
	}
	return nil
}

func (s *Scanner) syntax(what string) *lathe.Error {
	if s.at >= len(s.data) {
		what = "the text ends too early"
	}
	return lathe.Errorf(lathe.CodeInvalid, "json: %s at byte %d", what, s.at)
}

// wrong reports a value of another kind than is read here.
func (s *Scanner) wrong(what, want string) *lathe.Error {
	if s.Peek() == 0 {
		return s.syntax("this is no JSON value")
	}
	return lathe.Errorf(lathe.CodeInvalid, "json: %s is %s, and it is %s", what, s.kindName(), want)
}

// kindName says what stands here.
func (s *Scanner) kindName() string {
	switch s.Peek() {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	default:
		return "null"
	}
}

// List calls each before each element of the list that stands here; each must read it.
func (s *Scanner) List(what string, each func(i int) error) error {
	if s.space() != '[' {
		return s.wrong(what, "a list")
	}
	s.at++
	if s.space() == ']' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		if err := each(i); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return s.syntax("a list goes on with , or ]")
		}
	}
}

// Object calls each before each value of the object that stands here, with its name; each must read it. It does not check
// for names that come twice: each does.
func (s *Scanner) Object(what string, each func(name []byte, i int) error) error {
	if s.space() != '{' {
		return s.wrong(what, "an object")
	}
	s.at++
	if s.space() == '}' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		if s.space() != '"' {
			return s.syntax("an object's name is a string")
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if s.space() != ':' {
			return s.syntax("a name is followed by :")
		}
		s.at++
		if err := each(name, i); err != nil {
			return err
		}
		switch s.space() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return s.syntax("an object goes on with , or }")
		}
	}
}

// Members reads an object of few members; a name that comes twice is refused.
func (s *Scanner) Members(what string, each func(name string) error) error {
	seen := make(map[string]bool)
	return s.Object(what, func(name []byte, _ int) error {
		if seen[string(name)] {
			return Twice(string(name))
		}
		if len(seen) >= 1000 {
			return s.syntax("too many members")
		}
		seen[string(name)] = true
		return each(string(name))
	})
}

// Twice reports a name that comes twice in one object.
func Twice(name string) *lathe.Error {
	return lathe.Errorf(lathe.CodeInvalid, "json: %s comes twice in one object", quote(name)).WithField(short(name))
}

// String reads a string.
func (s *Scanner) String(what string) (string, error) {
	if s.space() != '"' {
		return "", s.wrong(what, "a string")
	}
	text, err := s.text()
	return string(text), err
}

// text reads the string that stands here: a piece of the data where it has no escapes. Only that piece is copied which
// has some.
func (s *Scanner) text() ([]byte, error) {
	start := s.at + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return s.data[start:i], nil
		case c == '\\' || c < ' ' || c >= 0x80:
			return s.slowText(i)
		}
	}
	s.at = len(s.data)
	return nil, s.syntax("")
}

// slowText reads a string with escapes or beyond ASCII, from the first such byte on.
func (s *Scanner) slowText(i int) ([]byte, error) {
	for i < len(s.data) && s.data[i] != '"' {
		if s.data[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(s.data) {
		s.at = len(s.data)
		return nil, s.syntax("")
	}
	text, err := jsontext.AppendUnquote(nil, s.data[s.at:i+1])
	if err != nil {
		return nil, s.syntax("a string that is not valid")
	}
	s.at = i + 1
	return text, nil
}

// word reads true, false or null.
func (s *Scanner) word(word string) bool {
	if s.at+len(word) <= len(s.data) && string(s.data[s.at:s.at+len(word)]) == word {
		s.at += len(word)
		return true
	}
	return false
}

// number reads a number.
func (s *Scanner) number() (number, error) {
	n, next, err := scanNumber(s.data, s.at)
	if err != nil {
		return n, err
	}
	if next == s.at {
		return n, s.syntax("a number that is not valid")
	}
	s.at = next
	return n, nil
}

// Number reads a number, for what is not a row.
func (s *Scanner) Number(what string) (float64, error) {
	if s.Peek() != '0' {
		return 0, s.wrong(what, "a number")
	}
	n, err := s.number()
	return n.float, err
}

// Bool reads true or false.
func (s *Scanner) Bool(what string) (bool, error) {
	s.space()
	if s.word("true") {
		return true, nil
	}
	if s.word("false") {
		return false, nil
	}
	return false, s.wrong(what, "true or false")
}

// Skip reads any value and forgets it. Its brackets must match; deeper than 64 is refused.
func (s *Scanner) Skip() error {
	end, err := valueEnd(s.data, s.at)
	if err != nil {
		return err
	}
	if !jsontext.Value(s.data[s.at:end]).IsValid() {
		return s.syntax("this is no JSON value")
	}
	s.at = end
	return nil
}

// Raw reads any value and gives its text, checked no further than its brackets.
func (s *Scanner) Raw() ([]byte, error) {
	s.space()
	end, err := valueEnd(s.data, s.at)
	if err != nil {
		return nil, err
	}
	raw := s.data[s.at:end]
	s.at = end
	return raw, nil
}

// maxDepth is as the gate's reader has it.
const maxDepth = 64

// valueEnd finds where the value at data[at:] ends, by its brackets and quotes alone.
func valueEnd(data []byte, at int) (int, error) {
	depth, quoted := 0, false
	for i := at; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return i + 1, nil
			}
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return 0, lathe.Errorf(lathe.CodeInvalid, "json: nested deeper than %d at byte %d", maxDepth, i)
			}
		case c == '}' || c == ']' || c == ',':
			if depth == 0 {
				return i, nil
			}
			if c == ',' {
				continue
			}
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, lathe.Errorf(lathe.CodeInvalid, "json: the text ends too early at byte %d", len(data))
}

// Value is one JSON value that is no list and no object.
type Value struct {
	Kind  byte // 0 for a number, " t n as Scanner.Peek has them; t stands for both truth values
	Float float64
	Int   int64
	Whole bool // the number is written as a whole one that fits Int
	Large bool // the number is written as a whole one that fits uint64 and not Int; Float is nearest to it
	Bool  bool
	Text  string
}

// Value reads such a value.
func (s *Scanner) Value(what string) (v Value, err error) {
	switch v.Kind = s.Peek(); v.Kind {
	case '0':
		n, err := s.number()
		if err != nil {
			return v, err
		}
		v.Float = n.float
		v.Int, v.Whole = n.int64()
		v.Large = !v.Whole && n.isUint64()
		return v, nil
	case '"':
		v.Text, err = s.String(what)
		return v, err
	case 't', 'f':
		v.Kind = 't'
		v.Bool, err = s.Bool(what)
		return v, err
	case 'n':
		if s.word("null") {
			return v, nil
		}
	}
	return v, s.wrong(what, "a value")
}

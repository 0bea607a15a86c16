package table

import (
	"bytes"
	"unicode/utf8"

	"lathe"
)

// signatures name what is often given in place of a CSV file, by its first bytes.
var signatures = []struct{ magic, name, hint string }{
	{"\x89PNG\r\n\x1a\n", "a PNG image", "give a text file with one row a line"},
	{"\xff\xd8\xff", "a JPEG image", "give a text file with one row a line"},
	{"GIF8", "a GIF image", "give a text file with one row a line"},
	{"PK\x03\x04", "a zip archive or an Excel workbook (xlsx)", "unpack the archive, or save the sheet as \"CSV UTF-8\""},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (xls)", "save the sheet as \"CSV UTF-8\""},
	{"\x1f\x8b", "gzip data", "unpack it first: gunzip FILE"},
	{"BZh", "bzip2 data", "unpack it first: bunzip2 FILE"},
	{"\xfd7zXZ\x00", "xz data", "unpack it first: unxz FILE"},
	{"\x28\xb5\x2f\xfd", "zstd data", "unpack it first: unzstd FILE"},
	{"PAR1", "a Parquet file", "write it as CSV first, as with pandas.read_parquet(FILE).to_csv(\"FILE.csv\", index=False)"},
	{"ARROW1", "an Arrow file", "write it as CSV first"},
	{"SQLite format 3\x00", "an SQLite database", "export a table as CSV first"},
	{"\x89HDF\r\n\x1a\n", "an HDF5 file", "write it as CSV first"},
	{"%PDF-", "a PDF document", "give a text file with one row a line"},
	{"\x7fELF", "a program", "give a text file with one row a line"},
	{"\x80\x04\x95", "a Python pickle", "pickles are never read; write it as CSV with DataFrame.to_csv(FILE, index=False)"},
	{"\xff\xfe", "UTF-16 text", "save the file as UTF-8 (in Excel: \"CSV UTF-8\")"},
	{"\xfe\xff", "UTF-16 text", "save the file as UTF-8 (in Excel: \"CSV UTF-8\")"},
}

// refuseForeign reports data that is no CSV, naming what it looks like. head is the first chunk of a file.
func refuseForeign(head []byte) error {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return lathe.Errorf(lathe.CodeInvalid, "table: csv: this is %s, not a CSV file", s.name).WithHint("%s", s.hint)
		}
	}
	text := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 64)]))
	if bytes.HasPrefix(text, []byte("<!doctype html")) || bytes.HasPrefix(text, []byte("<html")) {
		return lathe.Errorf(lathe.CodeInvalid, "table: csv: this is a web page (HTML), not a CSV file").WithHint("a link may lead to a page about the file: download the file itself")
	}
	if bytes.HasPrefix(text, []byte(`{"`)) || bytes.HasPrefix(text, []byte(`[{"`)) || bytes.HasPrefix(text, []byte(`[[`)) {
		return lathe.Errorf(lathe.CodeInvalid, "table: csv: this is JSON, not a CSV file").WithHint("write it as CSV first: a header line with the column names, then one row a line")
	}
	return refuseWide(head)
}

// refuseWide reports UTF-16 without a mark: every other byte of Latin text is NUL there.
func refuseWide(head []byte) error {
	sample := head[:min(len(head), 1024)]
	if nul := bytes.Count(sample, []byte{0}); nul == 0 || nul < len(sample)/4 || nul > len(sample)*3/4 {
		return nil
	}
	even := 0
	for i := 0; i < len(sample); i += 2 {
		if sample[i] == 0 {
			even++
		}
	}
	if half := len(sample) / 2; even > half/10 && even < half*9/10 {
		return nil
	}
	return lathe.Errorf(lathe.CodeInvalid, "table: csv: this is UTF-16 text, not UTF-8").WithHint("save the file as UTF-8 (in Excel: \"CSV UTF-8\")")
}

// checkText reports bytes that no UTF-8 text has, with the line; first is the number of data's first line.
func checkText(data []byte, first int) error {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d has a NUL byte: this is binary data, not a CSV file", lineAt(data, i, first)).
			WithHint("give a text file in UTF-8 with one row a line")
	}
	if utf8.Valid(data) {
		return nil
	}
	i := firstInvalid(data)
	return lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d is not valid UTF-8: byte 0x%02x", lineAt(data, i, first), data[i]).
		WithHint("save the file as UTF-8; an older encoding converts with: iconv -f WINDOWS-1252 -t UTF-8 FILE (or -f GB18030 for Chinese)")
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return 0
}

// lineAt gives the line number of data[i].
func lineAt(data []byte, i, first int) int { return first + bytes.Count(data[:i], []byte{'\n'}) }

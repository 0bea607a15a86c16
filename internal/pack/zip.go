package pack

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"

	"lathe"
)

// Limits bounds what Read accepts before it reads any of it.
type Limits struct {
	Entries  int   // files inside, the manifest included
	Manifest int64 // bytes of the manifest
	Total    int64 // bytes of all files
}

// DefaultLimits fits every model that this build can make.
var DefaultLimits = Limits{Entries: 16, Manifest: 16 << 20, Total: 4 << 30}

// Write writes the package. Equal packages give equal bytes: the manifest first, files by name, no times.
func Write(w io.Writer, p *Package) error {
	p.Manifest.Format = FormatVersion
	p.Manifest.Files = make(map[string]string, len(p.Files))
	names := make([]string, 0, len(p.Files))
	for name, data := range p.Files {
		p.Manifest.Files[name] = digest(data)
		names = append(names, name)
	}
	sort.Strings(names)
	if err := p.check(); err != nil {
		return err
	}
	manifest, err := json.MarshalIndent(&p.Manifest, "", "  ")
	if err != nil {
		return fmt.Errorf("pack: write: manifest: %w", err)
	}
	z := zip.NewWriter(w)
	if err := store(z, ManifestFile, manifest); err != nil {
		return err
	}
	for _, name := range names {
		if err := store(z, name, p.Files[name]); err != nil {
			return err
		}
	}
	return z.Close()
}

func store(z *zip.Writer, name string, data []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		return fmt.Errorf("pack: write: %s: %w", name, err)
	}
	return nil
}

// Read reads and checks a whole package. Whatever is wrong with it is CodeCorrupt, CodeTooLarge or CodeUnsupported, and
// memory stays within the limits and the size of the file.
func Read(r io.ReaderAt, size int64, limits Limits) (*Package, error) {
	entries, err := list(r, size, limits)
	if err != nil {
		return nil, err
	}
	p := &Package{Files: make(map[string][]byte, len(entries))}
	for _, f := range entries {
		data, err := read(f)
		if err != nil {
			return nil, err
		}
		if f.Name != ManifestFile {
			p.Files[f.Name] = data
			continue
		}
		if err := json.Unmarshal(data, &p.Manifest); err != nil {
			return nil, corrupt("manifest: %w", err)
		}
	}
	return p, p.check()
}

// Parse reads and checks a whole package in memory, with DefaultLimits.
func Parse(data []byte) (*Package, error) {
	return Read(bytes.NewReader(data), int64(len(data)), DefaultLimits)
}

// ReadManifest reads the manifest alone.
func ReadManifest(r io.ReaderAt, size int64, limits Limits) (*Manifest, error) {
	entries, err := list(r, size, limits)
	if err != nil {
		return nil, err
	}
	data, err := read(entries[0])
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, corrupt("manifest: %w", err)
	}
	return m, nil
}

// list opens the archive and holds its directory to the limits; the manifest comes first.
func list(r io.ReaderAt, size int64, limits Limits) ([]*zip.File, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, corrupt("not an archive: %w", err)
	}
	if len(z.File) > limits.Entries {
		return nil, tooLarge("%d files, at most %d", len(z.File), limits.Entries)
	}
	seen := make(map[string]bool, len(z.File))
	var total int64
	for _, f := range z.File {
		if err := checkEntry(f, limits); err != nil {
			return nil, err
		}
		if seen[f.Name] {
			return nil, corrupt("file %q is there twice", f.Name)
		}
		seen[f.Name] = true
		total += int64(f.UncompressedSize64)
	}
	switch {
	case !seen[ManifestFile] || z.File[0].Name != ManifestFile:
		return nil, corrupt("%s is not its first file", ManifestFile)
	case total > limits.Total:
		return nil, tooLarge("files of %d bytes, at most %d", total, limits.Total)
	case total > size: // stored entries that do not overlap cannot be larger than the archive
		return nil, corrupt("files of %d bytes in %d", total, size)
	}
	return z.File, nil
}

func checkEntry(f *zip.File, limits Limits) error {
	if f.Name != ManifestFile && !known[f.Name] {
		return corrupt("file %q does not belong into a package", f.Name)
	}
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
		return corrupt("file %q is compressed or encrypted; packages store their files plainly", f.Name)
	}
	if !f.Mode().IsRegular() {
		return corrupt("file %q is no regular file", f.Name)
	}
	if f.Name == ManifestFile && f.UncompressedSize64 > uint64(limits.Manifest) {
		return tooLarge("manifest of %d bytes, at most %d", f.UncompressedSize64, limits.Manifest)
	}
	if f.UncompressedSize64 > uint64(limits.Total) {
		return tooLarge("file %q of %d bytes, at most %d", f.Name, f.UncompressedSize64, limits.Total)
	}
	return nil
}

// read reads one entry; archive/zip checks its CRC at the end.
func read(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, corrupt("file %q: %w", f.Name, err)
	}
	data := make([]byte, f.UncompressedSize64)
	_, err = io.ReadFull(r, data)
	if err == nil {
		_, err = r.Read(make([]byte, 1)) // io.EOF after the CRC was checked
	}
	if cerr := r.Close(); err == nil || errors.Is(err, io.EOF) {
		err = cerr
	}
	if err != nil {
		return nil, corrupt("file %q: %w", f.Name, err)
	}
	return data, nil
}

func tooLarge(format string, args ...any) error {
	return lathe.Errorf(lathe.CodeTooLarge, "pack: "+format, args...).WithHint("this is no package that lathe made")
}

package store

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"lathe"
)

const (
	defaultLimit = 100
	maxLimit     = 1000 // lathe.Page
)

// A cursor is the last record's key, so a page neither skips nor repeats a record whatever is inserted meanwhile. It is
// encoded to keep callers from making one up.
func encodeCursor(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

func decodeCursor(cursor string) (string, error) {
	key, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(key) > 200 || !utf8.Valid(key) || !printable(string(key)) {
		return "", lathe.Errorf(lathe.CodeInvalid, "cursor %s is not one of a list", quote(cursor)).WithField("after").
			WithHint("give the cursor of the page before as it was, or none to start")
	}
	return string(key), nil
}

// pageQuery adds order and bounds by a key column to a query; one record more than the limit tells if there is a next.
func pageQuery(q *bun.SelectQuery, page lathe.Page, column string, newest bool) (*bun.SelectQuery, int, error) {
	limit := page.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if limit < 0 || limit > maxLimit {
		return nil, 0, lathe.Errorf(lathe.CodeInvalid, "limit %d is out of range", limit).WithField("limit").
			WithHint("use 1 to %d", maxLimit)
	}
	order, beyond := "ASC", ">"
	if newest {
		order, beyond = "DESC", "<"
	}
	if page.After != "" {
		key, err := decodeCursor(page.After)
		if err != nil {
			return nil, 0, err
		}
		q = q.Where("? "+beyond+" ?", bun.Ident(column), key)
	}
	return q.OrderExpr("? "+order, bun.Ident(column)).Limit(int64(limit) + 1), limit, nil
}

// cutPage drops the record beyond the limit and gives the cursor of the next page, "" at the end.
func cutPage[T any](rows []T, limit int, key func(*T) string) ([]T, string) {
	if len(rows) <= limit {
		return rows, ""
	}
	return rows[:limit], encodeCursor(key(&rows[limit-1]))
}

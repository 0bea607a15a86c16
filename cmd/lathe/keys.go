package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
)

func keysCommand(o *options) *cobra.Command {
	return group("keys", "Make, list and revoke API keys", keysCreate(o), keysList(o), keysRevoke(o))
}

// newKey is the body of POST /api/v1/keys.
type newKey struct {
	Name      string        `json:"name"`
	Kind      lathe.KeyKind `json:"kind,omitempty"`
	Scopes    []lathe.Scope `json:"scopes"`
	Limits    []lathe.Limit `json:"limits,omitempty"`
	ExpiresIn string        `json:"expires_in,omitempty"`
}

func keysCreate(o *options) *cobra.Command {
	var scopes, limits []string
	var kind string
	var expires time.Duration
	c := &cobra.Command{
		Use: "create NAME", Short: "Make a key; it is shown this once", Args: cobra.ExactArgs(1),
		Long: `Make a key; it is shown this once.

A scope is VERB or VERB:ENDPOINT, with * at the end for a prefix. Verbs: ` + verbList() + `.
A limit is COUNT UNIT per WINDOW, written as 1000requests/day. Units: requests, rows, tokens, money; windows: minute,
hour, day, month, total.`,
		Example: "  lathe keys create shop --kind caller --scope predict:churn --limit 1000requests/minute --expires 720h",
		RunE: func(cmd *cobra.Command, args []string) error {
			body := newKey{Name: args[0], Kind: lathe.KeyKind(kind)}
			for _, s := range scopes {
				verb, model, _ := strings.Cut(s, ":")
				body.Scopes = append(body.Scopes, lathe.Scope{Verb: lathe.Verb(verb), Model: model})
			}
			for _, l := range limits {
				limit, err := parseLimit(l)
				if err != nil {
					return err
				}
				body.Limits = append(body.Limits, limit)
			}
			if expires != 0 {
				body.ExpiresIn = expires.String()
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var made struct {
					Key    lathe.Key `json:"key"`
					Secret string    `json:"secret"`
				}
				if err := s.Do(ctx, http.MethodPost, client.Path("keys"), body, &made); err != nil {
					return err
				}
				return s.show(made, func(w io.Writer) {
					fmt.Fprintf(w, "%s\n", made.Secret)
					s.note("key %s; it is not shown again", made.Key.ID)
				})
			})
		},
	}
	f := c.Flags()
	f.StringVar(&kind, "kind", "service", "service, or caller for applications that only predict")
	f.StringArrayVar(&scopes, "scope", []string{"predict", "read"}, "what it may do")
	f.StringArrayVar(&limits, "limit", nil, "how much of it")
	f.DurationVar(&expires, "expires", 0, "time until it ends, such as 720h; never by default")
	return c
}

func verbList() string {
	list := make([]string, len(lathe.Verbs))
	for i, v := range lathe.Verbs {
		list[i] = string(v)
	}
	return strings.Join(list, ", ")
}

// parseLimit reads 1000requests/day.
func parseLimit(text string) (lathe.Limit, error) {
	amount, window, ok := strings.Cut(text, "/")
	digits := strings.TrimRight(amount, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if !ok || err != nil || n < 0 {
		return lathe.Limit{}, usageError{lathe.Errorf(lathe.CodeInvalid, "--limit %q is not like 1000requests/day", text)}
	}
	return lathe.Limit{Unit: lathe.Unit(amount[len(digits):]), Max: n, Window: lathe.Window(window)}, nil
}

func keysList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				list, err := client.All[lathe.Key](ctx, s.Client, client.Path("keys"))
				if err != nil {
					return err
				}
				return s.show(list, func(w io.Writer) {
					rows := [][]string{{"ID", "NAME", "KIND", "SCOPES", "STATE"}}
					for _, k := range list {
						rows = append(rows, []string{k.ID, k.Name, string(k.Kind), scopesText(k.Scopes), keyState(k)})
					}
					grid(w, rows)
				})
			})
		},
	}
}

func scopesText(scopes []lathe.Scope) string {
	list := make([]string, len(scopes))
	for i, s := range scopes {
		list[i] = string(s.Verb)
		if s.Model != "" {
			list[i] += ":" + s.Model
		}
	}
	return strings.Join(list, " ")
}

func keyState(k lathe.Key) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && k.ExpiresAt.Before(time.Now()):
		return "expired"
	case k.ExpiresAt != nil:
		return "until " + timeText(*k.ExpiresAt)
	default:
		return "active"
	}
}

func keysRevoke(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a key for good, from its next request on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var k lathe.Key
				if err := s.Do(ctx, http.MethodDelete, client.Path("keys", args[0]), nil, &k); err != nil {
					return err
				}
				return s.show(k, func(w io.Writer) { fmt.Fprintf(w, "key %s (%s) is revoked\n", k.ID, k.Name) })
			})
		},
	}
}

func secretsCommand(o *options) *cobra.Command {
	return group("secrets", "Keep keys of upstreams; nobody can read them back", secretsSet(o), secretsList(o),
		removeCommand(o, "Delete a secret", func(name string) string { return client.Path("secrets", name) }))
}

func secretsSet(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "set NAME", Short: "Store a secret that is read from standard input", Args: cobra.ExactArgs(1),
		Example: "  lathe secrets set cloud < cloud.key",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				err := s.Send(ctx, http.MethodPut, client.Path("secrets", args[0]), "application/octet-stream", cmd.InOrStdin(), nil)
				if err != nil {
					return err
				}
				return s.show(map[string]string{"name": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "secret %s is stored\n", args[0]) })
			})
		},
	}
}

func secretsList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the names of secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var list struct {
					Items []string `json:"items"`
				}
				if err := s.Do(ctx, http.MethodGet, client.Path("secrets"), nil, &list); err != nil {
					return err
				}
				return s.show(list.Items, func(w io.Writer) {
					for _, name := range list.Items {
						fmt.Fprintln(w, name)
					}
				})
			})
		},
	}
}

func usageCommand(o *options) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "usage", Short: "Show how much of its limits a key has used", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var list struct {
					Items []lathe.Usage `json:"items"`
				}
				if err := s.Do(ctx, http.MethodGet, client.Query(client.Path("usage"), "key", key), nil, &list); err != nil {
					return err
				}
				return s.show(list.Items, func(w io.Writer) {
					rows := [][]string{{"KEY", "LIMIT", "USED"}}
					for _, u := range list.Items {
						rows = append(rows, []string{u.Key, fmt.Sprintf("%d %s/%s", u.Limit.Max, u.Limit.Unit, u.Limit.Window), strconv.FormatInt(u.Used, 10)})
					}
					grid(w, rows)
				})
			})
		},
	}
	c.Flags().StringVar(&key, "of", "", "ID of the key; your own by default")
	return c
}

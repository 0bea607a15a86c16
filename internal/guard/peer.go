package guard

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"lathe"
)

// checkPeer refuses what a foreign web page can make a browser send: a Host that is not ours (DNS rebinding), and an
// Origin that is not ours, on every method. Programs send no Origin.
func (g *Gate) checkPeer(r *http.Request) error {
	if !g.knownHost(r) {
		return lathe.Errorf(lathe.CodeForbidden, "guard: host %s is not this service's", quoteShort(r.Host)).
			WithHint("use the address that the service prints at its start, or start it with --host %s", hintHost(r.Host))
	}
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return checkFetchSite(r)
	}
	if len(origins) == 1 && g.knownOrigin(r, origins[0]) {
		return nil
	}
	return lathe.Errorf(lathe.CodeForbidden, "guard: origin %s may not call this service", quoteShort(strings.Join(origins, ", "))).
		WithHint("call it from a program, or from a page of this service")
}

// checkFetchSite refuses what a browser marks as another site's, where it sends no Origin: images, links, frames.
func checkFetchSite(r *http.Request) error {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return nil
	}
	return lathe.Errorf(lathe.CodeForbidden, "guard: another site's page may not call this service")
}

// knownHost accepts loopback's names, the configured ones, an address that the connection really arrived at (which no
// name can be rebound to), and on a Unix socket, which no browser reaches, the name lathe.
func (g *Gate) knownHost(r *http.Request) bool {
	host := r.Host
	if host == "127.0.0.1" || host == "localhost" {
		return true
	}
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if name == "localhost" || g.hosts[name] {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if unix, ok := local.(*net.UnixAddr); ok {
		return unix.Net == "unix" && name == "lathe"
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && (addr.IsLoopback() || isLocal(addr, local))
}

func isLocal(addr netip.Addr, local net.Addr) bool {
	tcp, ok := local.(*net.TCPAddr)
	return ok && !addr.IsUnspecified() && tcp.AddrPort().Addr().Unmap() == addr.Unmap()
}

// hostName takes the port off a Host and lowers its case; false for what is no host.
func hostName(host string) (string, bool) {
	if host == "" || len(host) > 255 || strings.ContainsAny(host, "/\\@?# ,") {
		return "", false
	}
	name := host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		for _, c := range host[i+1:] {
			if c < '0' || c > '9' {
				return "", false
			}
		}
		name = host[:i]
	}
	if strings.HasPrefix(name, "[") != strings.HasSuffix(name, "]") || strings.Count(name, ":") == 1 {
		return "", false
	}
	return strings.ToLower(strings.Trim(name, "[]")), name != ""
}

// knownOrigin accepts the service's own origin, as the request addresses it, and the configured ones.
func (g *Gate) knownOrigin(r *http.Request, origin string) bool {
	if g.origins[strings.ToLower(origin)] {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}

func hintHost(host string) string {
	if name, ok := hostName(host); ok && isToken(name) {
		return name
	}
	return "NAME"
}

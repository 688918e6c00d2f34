package dash

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
)

// A guard lets those ask who may.
type guard struct {
	hosts  []string // that the page goes by; nil: any, because a token or a file's mode is asked for
	token  string   // "": none is asked for
	cookie string   // what a browser gets for the token
	secure bool     // over TLS
}

const cookieName = "shmbus"

func newGuard(c Config, at net.Addr) *guard {
	g := &guard{token: c.Token, secure: c.Cert != ""}
	if t, ok := at.(*net.TCPAddr); ok && t.IP.IsLoopback() {
		_, port, _ := net.SplitHostPort(t.String())
		for _, name := range []string{"localhost", "127.0.0.1", "::1", t.IP.String()} {
			g.hosts = append(g.hosts, net.JoinHostPort(name, port))
		}
	}
	if c.Token != "" {
		var key [32]byte
		_, _ = rand.Read(key[:]) // it never fails
		m := hmac.New(sha256.New, key[:])
		m.Write([]byte(c.Token))
		g.cookie = hex.EncodeToString(m.Sum(nil)) // not the token: who gets hold of it has it until busd ends
	}
	return g
}

// headers of every answer. The page loads nothing from elsewhere, runs no script but its own, and is shown in no other page.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"Cache-Control":                "no-store",
}

func (g *guard) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "this is for looking only", http.StatusMethodNotAllowed)
		case r.ContentLength != 0:
			w.Header().Set("Connection", "close")
			http.Error(w, "a request has no body here", http.StatusBadRequest)
		case !g.knows(r.Host):
			// A page elsewhere can give its own name this address, and be let in by a browser as if it were this page.
			http.Error(w, "this is not "+printable(r.Host, 100)+"; use localhost", http.StatusMisdirectedRequest)
		case !g.allows(w, r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="shmbus"`)
			http.Error(w, "a token is needed: open /?token=TOKEN, or send 'Authorization: Bearer TOKEN'", http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (g *guard) knows(host string) bool {
	if g.hosts == nil {
		return true
	}
	for _, h := range g.hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}

// allows says whether who asks has the token. In the page's own address it is taken once, for a cookie.
func (g *guard) allows(w http.ResponseWriter, r *http.Request) bool {
	if g.token == "" {
		return true
	}
	if word, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(word, "Bearer") && same(token, g.token) {
		return true
	}
	if r.URL.Path == "/" && r.URL.RawQuery != "" && same(r.URL.Query().Get("token"), g.token) {
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: g.cookie, Path: "/", HttpOnly: true, Secure: g.secure, SameSite: http.SameSiteStrictMode,
		})
		return true // without redirecting: a browser that comes from elsewhere would not send the new cookie then
	}
	c, err := r.Cookie(cookieName)
	return err == nil && same(c.Value, g.cookie)
}

// same compares in a time that does not tell where they differ, nor how long they are.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// printable is a text from outside, without control characters, and cut off after so many bytes.
func printable(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

package dash

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"shmbus/plugins"
)

// Config is the table [web] of busd's configuration.
type Config struct {
	// Listen is "unix" (the default: Place.Web(), for the user alone), or HOST:PORT. A HOST that is not localhost, 127.0.0.1 or [::1]
	// needs Cert, Key and Token.
	Listen string `toml:"listen"`
	Cert   string `toml:"cert"`  // path of the certificate, PEM
	Key    string `toml:"key"`   // path of its key, PEM
	Token  string `toml:"token"` // that who asks has to have; at least MinToken bytes
	Off    bool   `toml:"off"`   // there is no page, and there are no metrics
}

// MinToken is the length of the shortest token that is taken, in bytes.
const MinToken = 16

// unix is the Listen that stands for a Unix socket.
const unix = "unix"

// Check says everything that is wrong with the configuration. It reads the certificate, if there is one.
func (c Config) Check() error {
	if c.Off {
		return nil
	}
	var all []error
	bad := func(key, format string, args ...any) {
		all = append(all, &plugins.KeyError{Key: "web." + key, Err: fmt.Errorf(format, args...)})
	}
	open := false // others than this machine's users can ask
	if c.Listen != "" && c.Listen != unix {
		host, port, err := net.SplitHostPort(c.Listen)
		_, perr := strconv.ParseUint(port, 10, 16)
		switch {
		case err != nil || perr != nil:
			bad("listen", "%q: want \"unix\", or HOST:PORT, such as \"127.0.0.1:9870\"", c.Listen)
		default:
			open = !loopback(host)
		}
	}
	if open && (c.Cert == "" || c.Key == "" || c.Token == "") {
		bad("listen", "%q can be reached from other machines: that needs cert, key and token; without them there are unix, 127.0.0.1, [::1] and localhost", c.Listen)
	}
	if c.Token != "" && len(c.Token) < MinToken {
		bad("token", "it has %d bytes: at least %d, such as from 'openssl rand -hex 32'", len(c.Token), MinToken)
	}
	switch {
	case (c.Cert == "") != (c.Key == ""):
		bad("cert", "cert and key go together")
	case c.Cert != "" && (c.Listen == "" || c.Listen == unix):
		bad("cert", "it is for addresses, not for the Unix socket")
	case c.Cert != "":
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			bad("cert", "cert and key: %w", err)
		}
	}
	return errors.Join(all...)
}

// loopback says whether a host can be reached from this machine alone, and its name says so.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

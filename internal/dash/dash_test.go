package dash

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheSocketIsTheUsersAloneAndReplacesWhatIsLeftThere(t *testing.T) {
	b, place := newBus(t)
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: place.Web(), Net: "unix"})
	must(t, err)
	left.SetUnlinkOnClose(false) // as one that was killed
	must(t, left.Close())
	d, stop := serve(t, Config{}, b, place, nil)
	i, err := os.Lstat(d.Addr())
	if err != nil || i.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", i.Mode(), err)
	}
	for path, kind := range map[string]string{"/": "text/html", "/page.js": "text/javascript", "/page.css": "text/css", "/metrics": "text/plain"} {
		a, body := ask(t, client(t, d), http.MethodGet, "http://any.name"+path, nil)
		if a.StatusCode != 200 || body == "" || !strings.HasPrefix(a.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %s %s", path, a.Status, a.Header.Get("Content-Type"))
		}
		for k, v := range headers {
			if a.Header.Get(k) != v {
				t.Errorf("%s: %s: %s", path, k, a.Header.Get(k))
			}
		}
	}
	stop()
	if _, err := os.Lstat(d.Addr()); err == nil {
		t.Error("the socket is still there")
	}
	if left, err := filepath.Glob(filepath.Join(string(place), ".*")); len(left) > 0 || err != nil {
		t.Errorf("left: %v", left)
	}
}

func TestAddressesThatOthersReachNeedACertificateAndAToken(t *testing.T) {
	cert, key := certificate(t)
	token := strings.Repeat("x", MinToken)
	for _, c := range []struct {
		Config
		wrong string // "": nothing
	}{
		{Config{}, ""},
		{Config{Listen: "unix"}, ""},
		{Config{Listen: "127.0.0.1:9870"}, ""},
		{Config{Listen: "[::1]:9870"}, ""},
		{Config{Listen: "localhost:9870"}, ""},
		{Config{Listen: "127.0.0.1:9870", Token: token}, ""},
		{Config{Listen: "0.0.0.0:9870", Cert: cert, Key: key, Token: token}, ""},
		{Config{Listen: ":9870"}, "can be reached from other machines"},
		{Config{Listen: "0.0.0.0:9870"}, "can be reached from other machines"},
		{Config{Listen: "localhost.example.com:9870"}, "can be reached from other machines"},
		{Config{Listen: "[::]:9870", Cert: cert, Key: key}, "needs cert, key and token"},
		{Config{Listen: "10.0.0.1:9870", Token: token}, "needs cert, key and token"},
		{Config{Listen: "0.0.0.0:9870", Cert: cert, Key: key, Token: "short"}, "web.token: it has 5 bytes: at least 16"},
		{Config{Listen: "127.0.0.1:9870", Cert: cert}, "cert and key go together"},
		{Config{Listen: "127.0.0.1:9870", Cert: cert, Key: cert}, "cert and key: "},
		{Config{Listen: "127.0.0.1:9870", Cert: cert + "x", Key: key}, "no such file"},
		{Config{Cert: cert, Key: key}, "not for the Unix socket"},
		{Config{Listen: "127.0.0.1"}, "want \"unix\", or HOST:PORT"},
		{Config{Listen: "127.0.0.1:http"}, "want \"unix\", or HOST:PORT"},
		{Config{Listen: "127.0.0.1:99999"}, "want \"unix\", or HOST:PORT"},
		{Config{Listen: "nonsense", Off: true}, ""},
	} {
		err := c.Check()
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%+v: got %v, want %q", c.Config, err, c.wrong)
		}
		if err == nil {
			continue
		}
		if d, err := New(c.Config, "", nil, nil, "", nil); err == nil {
			t.Errorf("%+v: it listens at %s", c.Config, d.Addr())
		}
	}
}

func TestOnlyThePagesOwnNamesAreAnsweredOnLoopback(t *testing.T) {
	b, place := newBus(t)
	d, _ := serve(t, Config{Listen: "127.0.0.1:0"}, b, place, nil)
	_, port, _ := net.SplitHostPort(d.Addr())
	for host, want := range map[string]int{
		"localhost:" + port: 200, "LOCALHOST:" + port: 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200,
		"evil.example:" + port: 421, "localhost": 421, "localhost:1": 421, "127.0.0.1.evil.example:" + port: 421, "x@localhost:" + port: 421,
	} {
		if got, body := get(t, http.DefaultClient, "http://"+d.Addr()+"/metrics", "Host", host); got != want {
			t.Errorf("Host: %s: %d, want %d: %.80s", host, got, want, body)
		}
	}
}

func TestItIsForLookingOnly(t *testing.T) {
	b, place := newBus(t)
	d, _ := serve(t, Config{}, b, place, nil)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if a, _ := ask(t, client(t, d), method, "http://bus/", nil); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, a.Status)
		}
	}
	for path, want := range map[string]int{"/": 200, "/page.js": 200, "/metrics": 200, "/events": 405, "/tail/a": 405, "/nothing": 404} {
		if a, body := ask(t, client(t, d), "HEAD", "http://bus"+path, nil); a.StatusCode != want || body != "" {
			t.Errorf("HEAD %s: %s %q", path, a.Status, body)
		}
	}
	if a, _ := ask(t, client(t, d), "GET", "http://bus/", strings.NewReader("body")); a.StatusCode != http.StatusBadRequest {
		t.Errorf("with a body: %s", a.Status)
	}
	for _, path := range []string{"/nothing", "/page/index.html", "/index.html", "/log/", "/log/a/b"} {
		if status, _ := get(t, client(t, d), "http://bus"+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func TestWithATokenNothingIsToldWithoutIt(t *testing.T) {
	cert, key := certificate(t)
	b, place := newBus(t)
	const token = "0123456789abcdef"
	d, _ := serve(t, Config{Listen: "0.0.0.0:0", Cert: cert, Key: key, Token: token}, b, place, nil)
	_, port, _ := net.SplitHostPort(d.Addr())
	url := "https://127.0.0.1:" + port
	jar, _ := cookiejar.New(nil)
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Jar: jar, Timeout: time.Minute}
	for _, path := range []string{"/", "/metrics", "/events", "/log/a", "/tail/a", "/page.js", "/nothing", "/?token=wrong", "/metrics?token=" + token} {
		if status, _ := get(t, c, url+path); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
	}
	for header, want := range map[string]int{"Bearer " + token: 200, "bearer " + token: 200, "Bearer " + token + "0": 401, "Bearer ": 401, token: 401} {
		if status, _ := get(t, c, url+"/metrics", "Authorization", header); status != want {
			t.Errorf("Authorization: %s: %d, want %d", header, status, want)
		}
	}
	if status, _ := get(t, c, url+"/metrics", "Cookie", cookieName+"="+token); status != 401 {
		t.Errorf("the token as a cookie: %d", status)
	}
	a, _ := ask(t, c, "GET", url+"/?token="+token, nil)
	if set := a.Header.Get("Set-Cookie"); a.StatusCode != 200 || !strings.Contains(set, "HttpOnly; Secure; SameSite=Strict") || strings.Contains(set, token) {
		t.Fatalf("%s %s", a.Status, set)
	}
	for _, path := range []string{"/", "/metrics", "/page.js"} {
		if status, _ := get(t, c, url+path); status != 200 {
			t.Errorf("%s with the cookie: %d", path, status)
		}
	}
	if a, err := (&http.Client{Timeout: time.Minute}).Get("http://127.0.0.1:" + port + "/"); err == nil && a.StatusCode == 200 {
		t.Error("without TLS it answers")
	}
}

func TestASlowRequestIsCutOffAndOthersHaveToWaitForAPlace(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	limited := limit(l, 1)
	defer limited.Close()
	s := &http.Server{ReadHeaderTimeout: 300 * time.Millisecond, Handler: http.NotFoundHandler()}
	go s.Serve(limited)
	defer s.Close()
	slow, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer slow.Close()
	_, err = slow.Write([]byte("GET / HTTP/1.1\r\n"))
	must(t, err)
	second, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer second.Close()
	_, err = second.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	must(t, err)
	line, err := bufio.NewReader(second).ReadString('\n') // when the first has been cut off
	if err != nil || !strings.Contains(line, "404") {
		t.Errorf("%q, %v", line, err)
	}
	if n, err := slow.Read(make([]byte, 1000)); n == 0 && err == nil {
		t.Error("the slow one is still there")
	}
}

func TestIdleConnectionsMakeRoom(t *testing.T) {
	cert, key := certificate(t)
	for _, c := range []Config{{Listen: "127.0.0.1:0"}, {Listen: "127.0.0.1:0", Cert: cert, Key: key}} {
		b, place := newBus(t)
		d, _ := serve(t, c, b, place, nil)
		var all []net.Conn
		dial := func(_ context.Context, _, _ string) (net.Conn, error) { return net.Dial("tcp", d.Addr()) }
		scheme := "http"
		if c.Cert != "" {
			scheme = "https"
		}
		answers := func() {
			t.Helper()
			tr := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			t.Cleanup(tr.CloseIdleConnections) // until then it is idle
			if a, _ := ask(t, &http.Client{Transport: tr, Timeout: time.Minute}, "GET", scheme+"://"+d.Addr()+"/page.css", nil); a.StatusCode != 200 {
				t.Fatalf("%d: %s", len(all), a.Status)
			}
		}
		began := time.Now()
		for range mostConnections + 10 { // they ask nothing
			conn, err := dial(t.Context(), "", "")
			must(t, err)
			defer conn.Close()
			all = append(all, conn)
		}
		for range mostConnections + 10 { // they have asked
			answers()
		}
		if took := time.Since(began); took > idleTime/2 {
			t.Errorf("it took %v", took)
		}
	}
}

func TestItCanBeOff(t *testing.T) {
	b, place := newBus(t)
	d, stop := serve(t, Config{Off: true}, b, place, nil)
	if d.Addr() != "" {
		t.Errorf("it listens at %s", d.Addr())
	}
	stop()
}

// certificate is the paths of a certificate for 127.0.0.1, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	x := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	c, err := x509.CreateCertificate(rand.Reader, x, x, &k.PublicKey, k)
	must(t, err)
	p, err := x509.MarshalPKCS8PrivateKey(k)
	must(t, err)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p}), 0o600))
	return cert, key
}

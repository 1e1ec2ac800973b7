package broker

// TB is the part of testing.TB that RunT needs.
type TB interface {
	Helper()
	Cleanup(func())
	TempDir() string
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// RunT starts a broker on a free loopback port with a temporary data directory
// and closes it when the test ends.
func RunT(t TB, opts ...Option) *Broker {
	t.Helper()
	b, err := New(append([]Option{WithDataDir(t.TempDir())}, opts...)...)
	if err != nil {
		t.Fatalf("start broker: %v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Logf("close broker: %v", err)
		}
	})
	return b
}

// RunProxyT starts a Proxy to a nameserver and closes it when the test ends.
func RunProxyT(t TB, nameServer string) *Proxy {
	t.Helper()
	p, err := StartProxy(nameServer)
	if err != nil {
		t.Fatalf("start proxy: %v", err)
		return nil
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Logf("close proxy: %v", err)
		}
	})
	return p
}

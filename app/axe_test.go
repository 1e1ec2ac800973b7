//go:build !race

package app

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The checker of accessibility, axe-core, is not kept here for its size and licence (MPL-2.0): it comes from npm, with the
// checksum that npm has published for this version.
const (
	axeVersion    = "4.14.1"
	axeURL        = "https://registry.npmjs.org/axe-core/-/axe-core-" + axeVersion + ".tgz"
	axeSHA512     = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
	axeBytesMax   = 16 << 20
	axeSourceName = "package/axe.min.js"
)

// axeSource returns axe-core, from the user's cache or from npm. Without a network the test says loudly that it has not run;
// in CI that is a failure.
func axeSource(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	kept := filepath.Join(cache, "boxoffice-test", "axe-core-"+axeVersion+".tgz")
	packed, err := os.ReadFile(kept)
	if err != nil || !isAxe(packed) {
		if packed, err = downloadAxe(t.Context()); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("axe-core: %v", err)
			}
			fmt.Fprintf(os.Stderr, "NOT RUN: the check of accessibility, for want of axe-core: %v\n", err)
			t.Skip("no axe-core")
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(kept), 0o700), os.WriteFile(kept, packed, 0o600)); err != nil {
			t.Log("axe-core is not kept for the next time:", err)
		}
	}
	source, err := unpackAxe(packed)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func isAxe(packed []byte) bool {
	sum := sha512.Sum512(packed)
	return base64.StdEncoding.EncodeToString(sum[:]) == axeSHA512
}

func downloadAxe(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, axeURL, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	packed, err := io.ReadAll(io.LimitReader(response.Body, axeBytesMax))
	if err != nil {
		return nil, err
	}
	if !isAxe(packed) {
		return nil, fmt.Errorf("%s answered %s with something else (%d bytes)", axeURL, response.Status, len(packed))
	}
	return packed, nil
}

func unpackAxe(packed []byte) (string, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(unpacked); ; {
		file, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("look for %s: %w", axeSourceName, err)
		}
		if file.Name == axeSourceName {
			source, err := io.ReadAll(io.LimitReader(files, axeBytesMax))
			return string(source), err
		}
	}
}

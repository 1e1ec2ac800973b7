package api

import "github.com/labstack/echo/v4"

// fixedHeaders are response headers with constant values, made once. All responses share the value slices, so nobody may
// append to them.
type fixedHeaders []struct {
	name   string // in canonical form
	values []string
}

func (h fixedHeaders) set(c echo.Context) {
	header := c.Response().Header()
	for _, fixed := range h {
		header[fixed.name] = fixed.values
	}
}

// answerHeaders are set on every response: no cache may keep it, since most are for one caller alone, and no browser may
// guess another type than its Content-Type.
func answerHeaders() fixedHeaders {
	return fixedHeaders{
		{echo.HeaderCacheControl, []string{"no-store"}},
		{echo.HeaderXContentTypeOptions, []string{"nosniff"}},
	}
}

// pageHeaders are set on the web pages and their images besides, for the browser that shows them. The policy allows no inline
// script or style, no HTML made of text (Trusted Types), and nothing from another origin, but for the image of a QR code, a
// form that a payment provider takes, and images from whereImages. The form goes over TLS, unless the shop itself is reached
// without it.
func pageHeaders(whereImages string, overTLS bool) fixedHeaders {
	return policyHeaders(whereImages, overTLS, "")
}

// partHeaders are set on scripts and styles besides. Browsers read no policy there but that of the page: it would be sent forty
// times for one page, which on a slow line are seconds.
func partHeaders() fixedHeaders {
	return fixedHeaders{{"Cross-Origin-Resource-Policy", []string{"same-origin"}}}
}

// mailboxHeaders are those of the demo's mailbox, which shows the HTML of mails as they look: with styles of their own, in a
// frame made of what the page has got.
func mailboxHeaders(overTLS bool) fixedHeaders {
	return policyHeaders("", overTLS, "; frame-src blob:; style-src 'self' 'unsafe-inline'")
}

func policyHeaders(whereImages string, overTLS bool, more string) fixedHeaders {
	whereForms := " https:"
	if !overTLS {
		whereForms += " http:"
	}
	return fixedHeaders{
		{echo.HeaderContentSecurityPolicy, []string{
			"default-src 'self'; img-src 'self' data:" + whereImages + "; base-uri 'none'; form-action" + whereForms + "; frame-ancestors 'none'; " +
				"object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'" + more}},
		{echo.HeaderReferrerPolicy, []string{"no-referrer"}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	}
}

const postersAnywhere = " https:" // operators name posters by URL

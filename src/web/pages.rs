//! The pages: a single-page app built into `web/dist` and carried in the program. Each page of the app is the same
//! `index.html`; files with a hash in their name are kept by browsers for good, all others are asked for again.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

/// Absent until the app is built; then every page answers 404.
#[derive(rust_embed::Embed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Dist;

/// Addresses that are the app itself.
const PAGES: [&str; 22] = [
    "/",
    "/desk",
    "/work",
    "/control",
    "/audit",
    "/board",
    "/reports",
    "/receptions",
    "/hearings",
    "/records",
    "/disclosures",
    "/engagements",
    "/admin",
    "/admin/trunks",
    "/admin/operators",
    "/admin/queues",
    "/admin/routing",
    "/admin/ivr",
    "/admin/prompts",
    "/admin/messages",
    "/admin/changes",
    "/signin.html",
];

/// Scripts come from us alone, nobody frames us; styles are inline where the app's library writes them.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; \
     media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// The page at `path`, spelt as we spell it; none when it is not ours.
pub(super) fn page(path: &str) -> Option<&'static str> {
    PAGES.into_iter().find(|page| *page == path)
}

/// What no endpoint answers: a file of the app, one of its pages, or nothing.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let path = uri.path();
    let name = path.trim_start_matches('/');
    if path.starts_with("/api/") {
        return Err(ApiError::NotFound("address"));
    }
    let (name, file) = match (Dist::get(name), page(path)) {
        (Some(file), _) => (name, file),
        (None, Some(_)) => {
            ("index.html", Dist::get("index.html").ok_or(ApiError::NotFound("page: the app is not built"))?)
        }
        (None, None) => return Err(ApiError::NotFound("page")),
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(ApiError::MethodNotAllowed);
    }
    let tag: String = file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{tag}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| matches(known, &etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(file.data));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
        response
    };
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching(name)));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        fields.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// `If-None-Match` (RFC 9110 13.1.2): `*` or a list of tags, compared weakly.
fn matches(known: &str, etag: &str) -> bool {
    known.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The bundler puts a hash of the content into names below `assets/`.
fn caching(name: &str) -> &'static str {
    if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "txt" | "ftl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_pages_are_pages() {
        assert_eq!(page("/desk"), Some("/desk"));
        for foreign in
            ["//evil.example", "/desk/", "https://evil.example", "", "/desk\r\nX: y", "/api/v1/calls"]
        {
            assert_eq!(page(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(matches("\"a\", W/\"b\"", "\"b\""));
        assert!(matches("*", "\"b\""));
        assert!(!matches("\"a\"", "\"b\""));
    }

    #[test]
    fn only_hashed_files_are_kept_for_good() {
        assert!(caching("assets/main-3f2a.js").contains("immutable"));
        assert_eq!(caching("index.html"), "no-cache");
    }
}

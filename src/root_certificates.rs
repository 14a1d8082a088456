//! The root certificates that everything here that speaks TLS trusts: images by URL, weights,
//! training data, a running server's captions.
//!
//! They are the machine's own, so that a company's authority counts, and Mozilla's, which are built
//! in, so that a container without certificates works. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace
//! the machine's, as for OpenSSL. `REQUESTS_CA_BUNDLE` (or `CURL_CA_BUNDLE`), with which the Python
//! service was told of an authority, adds to them.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;

use rustls_native_certs::CertificateResult;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, RootCerts};

/// Where the machine's own certificates are, if not at their usual place.
const MACHINE: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];
/// A file or folder of further ones; the first variable that is set.
const BUNDLE: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// Read when they are first needed, once for the whole process.
static FOUND: LazyLock<Vec<CertificateDer<'static>>> = LazyLock::new(|| {
    let mut found = with_warnings(rustls_native_certs::load_native_certs(), &MACHINE);
    if BUNDLE.iter().any(|name| set(name).is_some()) {
        found.extend(with_warnings(load_bundle(), &BUNDLE));
    }
    found.extend_from_slice(webpki_root_certs::TLS_SERVER_ROOT_CERTS);
    found
});

/// For rustls. Reads files when it is first called.
pub(crate) fn for_rustls() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(FOUND.iter().cloned());
    roots
}

/// For ureq. Reads files when it is first called.
pub(crate) fn for_ureq() -> RootCerts {
    FOUND
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .into()
}

/// Whether a certificate is one of them, to the byte.
pub(crate) fn contain(certificate: &CertificateDer<'_>) -> bool {
    FOUND.iter().any(|found| found == certificate)
}

fn set(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

fn load_bundle() -> CertificateResult {
    let path = BUNDLE.iter().find_map(|name| set(name)).map(PathBuf::from);
    let (folder, file) = match path.as_deref() {
        Some(path) if path.is_dir() => (Some(path), None),
        path => (None, path),
    };
    rustls_native_certs::load_certs_from_paths(file, folder)
}

/// What could be read. What could not is said, with the variables that say where it was looked for,
/// and all the rest works.
fn with_warnings(found: CertificateResult, variables: &[&str]) -> Vec<CertificateDer<'static>> {
    let places: Vec<String> = variables
        .iter()
        .filter_map(|name| Some(format!("{name}={}", set(name)?.to_string_lossy())))
        .collect();
    let places = places.join(" ");
    for error in &found.errors {
        tracing::warn!(%error, places, "root certificates could not be read");
    }
    if found.errors.is_empty() && found.certs.is_empty() && !places.is_empty() {
        tracing::warn!(places, "there are no root certificates here");
    }
    found.certs
}

//! What the process's environment may and may not change: proxies, root certificates.
//!
//! Environment variables belong to the whole process, so each of these tests runs again in a
//! process of its own.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use image_embed::fetch::{FetchError, FetchPolicy, Fetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{Names, Server, ok, redirect, with_headers};
use super::{IMAGE, fetcher, policy};

const CHILD: &str = "IMAGE_EMBED_FETCH_TEST_CHILD";

/// Whether this is the process with the variables set. If not, runs the named test there and fails
/// if it fails.
fn in_child(test: &str, variables: &[(&str, &str)]) -> bool {
    if env::var_os(CHILD).is_some() {
        return true;
    }
    let run = Command::new(env::current_exe().expect("this test's program"))
        .args([test, "--exact", "--nocapture"])
        .envs(variables.iter().copied())
        .env(CHILD, "1")
        .env_remove("SSL_CERT_DIR")
        .env_remove("CURL_CA_BUNDLE")
        .output()
        .expect("the program runs");
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(
        run.status.success() && out.contains("1 passed"),
        "{out}\n{err}"
    );
    false
}

/// Where the child's root certificates are; the machine's own are not read then.
fn roots() -> PathBuf {
    PathBuf::from(env::var_os("SSL_CERT_FILE").expect("a test in its own process"))
}

struct Certificate {
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

fn certificate(host: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    Certificate {
        der: made.cert.der().clone(),
        key,
        pem: made.cert.pem(),
    }
}

/// One that says that it is an authority, until the end of this year.
fn authority(host: &str, last_year: i32) -> Certificate {
    let mut parameters = rcgen::CertificateParams::new([host.to_owned()]).expect("a name");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.not_before = rcgen::date_time_ymd(2000, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(last_year, 12, 31);
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = parameters.self_signed(&key).expect("a certificate");
    Certificate {
        der: made.der().clone(),
        key: PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        pem: made.pem(),
    }
}

/// An https server that gives the same bytes to whoever asks; its port.
async fn https(certificate: &Certificate, answer: Vec<u8>) -> u16 {
    https_with(certificate, answer, true).await
}

/// The same, which may say at the end that this is the end (`close_notify`).
async fn https_with(certificate: &Certificate, answer: Vec<u8>, says_so: bool) -> u16 {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der.clone()], certificate.key.clone_key())
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate hangs up here.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    // Until the request is read, closing would reset the connection.
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.flush().await;
                    if says_so {
                        let _ = stream.shutdown().await;
                    } else {
                        let _ = stream.get_mut().0.shutdown().await;
                    }
                }
            });
        }
    });
    port
}

fn fetcher_of_names() -> Fetcher {
    Fetcher::with_resolver(
        policy(&["127.0.0.0/8"]),
        Names::answering(&[&["127.0.0.1"]]),
    )
    .unwrap()
}

#[tokio::test]
async fn proxies_are_ignored() {
    let dead = "http://127.0.0.1:1";
    let variables = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .map(|name| (name, dead));
    if in_child("environment::proxies_are_ignored", &variables) {
        assert_eq!(env::var("HTTP_PROXY").as_deref(), Ok(dead));
        let server = Server::answering(ok(IMAGE)).await;
        assert_eq!(
            fetcher().get(&server.url("127.0.0.1", "/")).await.unwrap(),
            IMAGE
        );
        assert!(
            server.heads()[0].starts_with("GET / HTTP/1.1\r\n"),
            "no proxy's request form"
        );
    }
}

#[tokio::test]
async fn https_servers_are_checked_against_the_machines_roots() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let test = "environment::https_servers_are_checked_against_the_machines_roots";
    if in_child(test, &[("SSL_CERT_FILE", file.to_str().unwrap())]) {
        let trusted = certificate("images.test");
        fs::write(roots(), &trusted.pem).unwrap();
        let port = https(&trusted, ok(IMAGE)).await;
        let fetcher = fetcher_of_names();
        let get = async |host: &str| fetcher.get(&format!("https://{host}:{port}/")).await;
        assert_eq!(get("images.test").await.unwrap(), IMAGE);
        assert_eq!(get("images.test.").await.unwrap(), IMAGE);
        for host in ["other.test", "127.0.0.1"] {
            let error = get(host).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the TLS handshake with '{host}' failed: its certificate is for another name"
                )
            );
        }

        let unknown = https(&certificate("images.test"), ok(IMAGE)).await;
        let error = fetcher
            .get(&format!("https://images.test:{unknown}/"))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the TLS handshake with 'images.test' failed: its certificate is of no authority that is trusted here \
             (SSL_CERT_FILE can name more)"
        );

        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}/", plain.local_addr().unwrap().port());
        let (error, _) = tokio::join!(fetcher.get(&url), async {
            let (mut stream, _) = plain.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
        });
        assert!(matches!(error, Err(FetchError::Tls { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_followed_and_guarded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let test = "environment::a_redirect_from_https_to_http_is_followed_and_guarded";
    if in_child(test, &[("SSL_CERT_FILE", file.to_str().unwrap())]) {
        let trusted = certificate("images.test");
        fs::write(roots(), &trusted.pem).unwrap();
        let plain = Server::answering(ok(IMAGE)).await;
        let port = https(&trusted, redirect(&plain.url("images.test", "/"))).await;
        let url = format!("https://images.test:{port}/");
        assert_eq!(fetcher_of_names().get(&url).await.unwrap(), IMAGE);

        let rule = format!("127.0.0.1:{port}");
        let names = Names::answering(&[&["127.0.0.1"]]);
        let guarded = Fetcher::with_resolver(policy(&[&rule]), names).unwrap();
        let error = guarded.get(&url).await.unwrap_err();
        assert!(matches!(error, FetchError::NotPublic { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let test = "environment::a_tls_handshake_that_hangs_is_cut_off";
    if in_child(test, &[("SSL_CERT_FILE", file.to_str().unwrap())]) {
        fs::write(roots(), certificate("images.test").pem).unwrap();
        // The kernel completes the TCP handshake; nobody ever accepts.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://127.0.0.1:{}/",
            listener.local_addr().unwrap().port()
        );
        let connect_timeout = Duration::from_millis(300);
        let hasty = FetchPolicy {
            connect_timeout,
            ..policy(&["127.0.0.0/8"])
        };
        let error = Fetcher::new(hasty).unwrap().get(&url).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no connection to '127.0.0.1' within 300ms"
        );
    }
}

#[tokio::test]
async fn a_file_of_certificates_that_cannot_be_read_stops_neither_http_nor_https() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let bundle = folder.path().join("bundle.pem");
    let test =
        "environment::a_file_of_certificates_that_cannot_be_read_stops_neither_http_nor_https";
    let variables = [
        ("SSL_CERT_FILE", file.to_str().unwrap()),
        ("REQUESTS_CA_BUNDLE", bundle.to_str().unwrap()),
    ];
    if in_child(test, &variables) {
        assert!(!roots().exists());
        let plain = Server::answering(ok(IMAGE)).await;
        let fetcher = fetcher_of_names();
        let got = fetcher.get(&plain.url("images.test", "/")).await;
        assert_eq!(got.unwrap(), IMAGE);

        // What the Python service was told of its company's authority holds here too.
        let trusted = certificate("images.test");
        fs::write(env::var_os("REQUESTS_CA_BUNDLE").unwrap(), &trusted.pem).unwrap();
        let port = https(&trusted, ok(IMAGE)).await;
        let got = fetcher.get(&format!("https://images.test:{port}/")).await;
        assert_eq!(got.unwrap(), IMAGE);
        let unknown = https(&certificate("images.test"), ok(IMAGE)).await;
        let got = fetcher
            .get(&format!("https://images.test:{unknown}/"))
            .await;
        assert!(matches!(got, Err(FetchError::Tls { .. })), "{got:?}");
    }
}

/// Many servers close the connection without TLS's own end of it.
#[tokio::test]
async fn tls_that_ends_without_saying_so_ends_a_file_but_does_not_shorten_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let test = "environment::tls_that_ends_without_saying_so_ends_a_file_but_does_not_shorten_it";
    if in_child(test, &[("SSL_CERT_FILE", file.to_str().unwrap())]) {
        let trusted = certificate("images.test");
        fs::write(roots(), &trusted.pem).unwrap();
        let answers = [
            (with_headers("200 OK", "", IMAGE), true),
            (ok(IMAGE), true),
            (
                with_headers("200 OK", "Content-Length: 99\r\n", IMAGE),
                false,
            ),
            (
                with_headers("200 OK", "Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n"),
                false,
            ),
        ];
        for (answer, is_whole) in answers {
            let port = https_with(&trusted, answer, false).await;
            let got = fetcher_of_names()
                .get(&format!("https://images.test:{port}/"))
                .await;
            match got {
                Ok(got) => assert!(is_whole && got == IMAGE),
                Err(error) => {
                    let is_cut_short = matches!(error, FetchError::Protocol { .. });
                    assert!(!is_whole && is_cut_short, "{error:?}");
                }
            }
        }
    }
}

/// `openssl req -x509` makes certificates that say of themselves that they are authorities.
#[tokio::test]
async fn a_certificate_that_signs_itself_is_trusted_where_it_is_named_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let test = "environment::a_certificate_that_signs_itself_is_trusted_where_it_is_named_itself";
    if in_child(test, &[("SSL_CERT_FILE", file.to_str().unwrap())]) {
        let (own, expired) = (
            authority("images.test", 2100),
            authority("images.test", 2001),
        );
        fs::write(roots(), format!("{}{}", own.pem, expired.pem)).unwrap();
        let fetcher = fetcher_of_names();
        let port = https(&own, ok(IMAGE)).await;
        let got = fetcher.get(&format!("https://images.test:{port}/")).await;
        assert_eq!(got.unwrap(), IMAGE);
        let other_name = fetcher.get(&format!("https://other.test:{port}/")).await;
        let unknown = https(&authority("images.test", 2100), ok(IMAGE)).await;
        let unknown = fetcher
            .get(&format!("https://images.test:{unknown}/"))
            .await;
        let late = https(&expired, ok(IMAGE)).await;
        let late = fetcher.get(&format!("https://images.test:{late}/")).await;
        for (got, reason) in [
            (other_name, "its certificate is for another name"),
            (unknown, "(SSL_CERT_FILE can name more)"),
            (late, "its certificate has expired"),
        ] {
            let error = got.unwrap_err().to_string();
            assert!(error.ends_with(reason), "{error}");
        }
    }
}

/// What downloads weights trusts what images by URL are fetched with.
#[tokio::test]
async fn models_are_pulled_from_servers_whose_certificates_the_machine_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, unknown) = (folder.path().join("a.pem"), folder.path().join("b.pem"));
    let own = certificate("localhost");
    fs::write(&trusted, &own.pem).unwrap();
    fs::write(&unknown, certificate("localhost").pem).unwrap();
    let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let port = https(&own, refusal.to_vec()).await;
    for (roots, said) in [(&trusted, "403"), (&unknown, "certificate")] {
        let mut pull = Command::new(env!("CARGO_BIN_EXE_image-embed"));
        pull.args(["models", "pull", "clip-vit-b-32"])
            .env_clear()
            .env("HOME", folder.path())
            .env("HF_ENDPOINT", format!("https://localhost:{port}"))
            .env("SSL_CERT_FILE", roots);
        let pulled = tokio::task::spawn_blocking(move || pull.output().expect("it runs"));
        let pulled = pulled.await.expect("no panic");
        let all = [pulled.stdout, pulled.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert!(!pulled.status.success() && all.contains(said), "{all}");
    }
}

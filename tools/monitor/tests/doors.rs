//! The ways in and out as processes: HTTPS, visitors' certificates, slow visitors, targets that ask for a certificate.

mod common;

use common::{Directory, Monitor, Server, wait_for};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;
use suites::free_port;

/// Certificates of a test's own: an authority, and what it signed for `localhost` and a client.
struct Certificates(Directory);

impl Certificates {
    fn make() -> Self {
        let made = Certificates(Directory::new());
        made.openssl(
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority"],
            &[("-keyout", "ca.key"), ("-out", "ca.pem")],
        );
        let names = made.path("names");
        std::fs::write(&names, "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
        for name in ["server", "client"] {
            let (key, request, cert) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
            let subject = format!("/CN={name}");
            made.openssl(
                &["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject],
                &[("-keyout", &key), ("-out", &request)],
            );
            made.openssl(
                &["x509", "-req", "-days", "2", "-CAcreateserial", "-extfile", &names],
                &[("-in", &request), ("-CA", "ca.pem"), ("-CAkey", "ca.key"), ("-out", &cert)],
            );
        }
        made
    }

    fn path(&self, name: &str) -> String {
        self.0.0.join(name).display().to_string()
    }

    fn openssl(&self, arguments: &[&str], files: &[(&str, &str)]) {
        let mut command = Command::new("openssl");
        command.args(arguments).stderr(Stdio::null());
        for (option, file) in files {
            command.args([option, self.path(file).as_str()]);
        }
        assert!(
            command.status().expect("openssl is needed: apt-get install openssl").success(),
            "{command:?}"
        );
    }

    /// The answer to a GET over TLS, as `openssl s_client` sees it; empty if the handshake fails.
    fn get(&self, port: u16, path: &str, options: &[&str]) -> String {
        let mut child = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-CAfile", &self.path("ca.pem")])
            .args(["-connect", &format!("127.0.0.1:{port}")])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut stdin = child.stdin.take().unwrap();
        // A refused handshake closes the pipe.
        let _ = stdin.write_all(request.as_bytes());
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        drop(stdin);
        let _ = child.kill();
        child.wait().unwrap();
        text
    }
}

#[test]
fn https_and_visitors_certificates() {
    let made = Certificates::make();
    let tls =
        ["--tls-cert", &made.path("server.pem"), "--tls-key", &made.path("server.key")].map(str::to_owned);
    let tls: Vec<&str> = tls.iter().map(String::as_str).collect();
    let open = Monitor::start(&tls);
    assert!(open.url.starts_with("https://"), "{}", open.url);
    assert!(made.get(open.port(), "/health", &[]).ends_with("ok"));
    // Plain HTTP gets no answer.
    let mut plain = TcpStream::connect(("127.0.0.1", open.port())).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = Vec::new();
    let _ = plain.read_to_end(&mut text);
    assert!(!String::from_utf8_lossy(&text).contains("HTTP/"), "{text:?}");

    let closed = Monitor::start(&[tls.as_slice(), &["--tls-client-ca", &made.path("ca.pem")]].concat());
    assert!(!made.get(closed.port(), "/health", &[]).ends_with("ok"));
    let shown = ["-cert", &made.path("client.pem"), "-key", &made.path("client.key")].map(str::to_owned);
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    assert!(made.get(closed.port(), "/health", &shown).ends_with("ok"));
    let bad = Command::new(env!("CARGO_BIN_EXE_carnelian-monitor"))
        .args(["--port", "0", "--tls-cert", &made.path("server.pem"), "--tls-key", &made.path("ca.pem")])
        .output()
        .unwrap();
    assert!(
        bad.status.code() == Some(1) && String::from_utf8_lossy(&bad.stderr).contains("ca.pem"),
        "{bad:?}"
    );
}

#[test]
fn a_server_that_asks_for_a_certificate() {
    let made = Certificates::make();
    let port = free_port();
    let _server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &made.path("server.pem"),
        "--tls-key-file",
        &made.path("server.key"),
        "--tls-ca-cert-file",
        &made.path("ca.pem"),
        "--tls-auth-clients",
        "yes",
    ]);
    let url = format!("rediss://127.0.0.1:{port}");
    let checked = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carnelian-monitor"));
        let output = command.args(["check", &url, "--only", "down"]).args(options).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (ca, cert, key) = (made.path("ca.pem"), made.path("client.pem"), made.path("client.key"));
    let (code, line) = checked(&["--cacert", &ca, "--cert", &cert, "--key", &key]);
    assert!(code == Some(0) && line.contains("REDIS OK - rediss://"), "{line}");
    assert_eq!(checked(&["--cacert", &ca]).0, Some(2), "no certificate is shown");
    let (code, line) = checked(&["--cert", &cert, "--key", &key]);
    assert!(code == Some(2) && line.contains("TLS: "), "an authority that the host does not trust: {line}");
    let (code, line) = checked(&["--cacert", "/no/such/file"]);
    assert!(code == Some(2) && line.contains("/no/such/file"), "{line}");

    // The serving monitor takes them from its configuration.
    let directory = Directory::new();
    let file = directory.0.join("monitor.toml");
    std::fs::write(&file, format!("[[target]]\nurl='{url}'\nca='{ca}'\ncert='{cert}'\nkey='{key}'\n"))
        .unwrap();
    let monitor = Monitor::start(&["--config", &file.display().to_string()]);
    wait_for("a round", || http_get(monitor.port(), "/metrics").contains("\nredis_up 1\n"));
}

fn http_get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn slow_visitors_are_sent_away_and_cost_the_others_nothing() {
    let monitor = Monitor::start(&[]);
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", monitor.port())).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    assert!(http_get(monitor.port(), "/health").ends_with("ok"));
    // A head that never ends is cut off: the stream ends, with an error of its own or without.
    for stream in slow.iter_mut().take(3) {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        assert!(!String::from_utf8_lossy(&text).contains("200 OK"), "{text:?}");
    }
    let mut huge = TcpStream::connect(("127.0.0.1", monitor.port())).unwrap();
    huge.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = huge.write_all(&[b"GET / HTTP/1.1\r\nX-Huge: ".as_slice(), &[b'x'; 300_000]].concat());
    let mut text = Vec::new();
    let _ = huge.read_to_end(&mut text);
    assert!(!String::from_utf8_lossy(&text).contains("200 OK"));
    assert!(http_get(monitor.port(), "/health").ends_with("ok"));
}

#[test]
fn only_permitted_targets_are_asked() {
    let (named, other) = (Server::start(&[]), Server::start(&[]));
    let pattern = format!("127.0.0.1:{}", other.port);
    let monitor = Monitor::start(&["--allow-target", &pattern, "--no-discover", &named.url()]);
    let up = |port: u16| http_get(monitor.port(), &format!("/scrape?target=redis://127.0.0.1:{port}"));
    assert!(up(named.port).contains("redis_up 1") && up(other.port).contains("redis_up 1"));
    assert!(up(free_port()).starts_with("HTTP/1.1 403"));
    let document = http_get(monitor.port(), &format!("/metrics/redis?url=redis://127.0.0.2:{}", other.port));
    assert!(document.starts_with("HTTP/1.1 200") && document.contains(":null"), "{document}");
}

//! A small S3 on loopback, which checks signatures as Amazon does: it computes them again from its own copy of the key.
//!
//! It knows what a backup needs: objects with HEAD and ranges, lists in pages, multipart uploads. Source: Amazon S3's API
//! reference and its page on Signature Version 4, in which a request's path is not encoded twice.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

/// What the stub lets in.
pub const KEY_ID: &str = "AKIDEXAMPLE";
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub const REGION: &str = "eu-test-1";
pub const BUCKET: &str = "vault";

/// Objects on one page of a list, so that there are several.
const PAGE: usize = 3;

/// The smallest part but the last.
const SMALLEST_PART: usize = 5 << 20;

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: HashMap<String, BTreeMap<u32, Vec<u8>>>,
    log: Vec<String>,
    largest_part: usize,
}

/// A running service; its thread ends with the process.
#[derive(Clone)]
pub struct Stub {
    state: Arc<Mutex<State>>,
    /// Downloads that are cut in the middle, before they are let through again.
    pub cut_downloads: Arc<AtomicU64>,
    /// Parts whose connection dies, likewise.
    pub cut_uploads: Arc<AtomicU64>,
    port: u16,
}

struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Bytes of the body after which the connection dies.
    cut: Option<usize>,
}

impl Stub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let stub =
            Self { state: Arc::default(), cut_downloads: Arc::default(), cut_uploads: Arc::default(), port };
        let serving = stub.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let stub = serving.clone();
                thread::spawn(move || stub.serve(stream));
            }
        });
        stub
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Names of the objects.
    pub fn names(&self) -> Vec<String> {
        self.state.lock().expect("the state").objects.keys().cloned().collect()
    }

    pub fn object(&self, name: &str) -> Vec<u8> {
        self.state.lock().expect("the state").objects[name].clone()
    }

    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state.lock().expect("the state").objects.insert(name.into(), bytes);
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.state.lock().expect("the state").uploads.len()
    }

    pub fn largest_part(&self) -> usize {
        self.state.lock().expect("the state").largest_part
    }

    /// How many requests' log lines hold this.
    pub fn requests(&self, text: &str) -> usize {
        self.state.lock().expect("the state").log.iter().filter(|line| line.contains(text)).count()
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(mut writer) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = read_request(&mut reader) {
            let is_part = request.method == "PUT" && request.value("partNumber").is_some();
            if is_part && take(&self.cut_uploads) {
                return;
            }
            let response = self.answer(&request);
            if send(&mut writer, &request, response).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Response {
        if let Err((code, message)) = check_signature(request) {
            return error(403, code, message);
        }
        let mut state = self.state.lock().expect("the state");
        state.log.push(format!("{} {} {:?}", request.method, request.path, request.query));
        let Some(path) = request.path.strip_prefix('/') else { return error(400, "InvalidURI", "no path") };
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket != BUCKET {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        }
        let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
        match (request.method.as_str(), request.value("uploadId"), key.is_empty()) {
            ("GET", None, true) => list(&state, request),
            ("GET" | "HEAD", None, false) => {
                let mut response = get(&state, &key, request);
                let is_download = request.method == "GET" && response.body.len() > 10_000;
                if is_download && take(&self.cut_downloads) {
                    response.cut = Some(response.body.len() / 2);
                }
                response
            }
            ("PUT", None, false) => {
                state.objects.insert(key, request.body.clone());
                ok(Vec::new()).with("ETag", etag(&request.body))
            }
            ("DELETE", None, false) => {
                state.objects.remove(&key);
                Response { status: 204, headers: Vec::new(), body: Vec::new(), cut: None }
            }
            ("POST", None, false) if request.value("uploads").is_some() => {
                let id = format!("upload-{}", state.log.len());
                state.uploads.insert(id.clone(), BTreeMap::new());
                ok(format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            (method, Some(id), false) => multipart(&mut state, method, &key, id, request),
            _ => error(405, "MethodNotAllowed", "not known here"),
        }
    }
}

fn multipart(state: &mut State, method: &str, key: &str, id: &str, request: &Request) -> Response {
    let Some(parts) = state.uploads.get_mut(id) else {
        return error(404, "NoSuchUpload", "The specified upload does not exist");
    };
    match method {
        "PUT" => {
            let number =
                request.value("partNumber").and_then(|number| number.parse().ok()).expect("a number");
            parts.insert(number, request.body.clone());
            state.largest_part = state.largest_part.max(request.body.len());
            ok(Vec::new()).with("ETag", etag(&request.body))
        }
        "POST" => {
            let text = String::from_utf8_lossy(&request.body).replace("&quot;", "\"");
            let named: Vec<&str> =
                text.split("<ETag>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
            let are: Vec<String> = parts.values().map(|part| etag(part)).collect();
            if named != are || parts.keys().copied().ne(1..=parts.len() as u32) {
                return error(400, "InvalidPart", "One or more of the specified parts could not be found");
            }
            if parts.values().rev().skip(1).any(|part| part.len() < SMALLEST_PART) {
                return error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum");
            }
            let whole =
                state.uploads.remove(id).expect("the upload").into_values().flatten().collect::<Vec<u8>>();
            let tag = etag(&whole);
            state.objects.insert(key.to_owned(), whole);
            ok(format!("<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"))
        }
        "DELETE" => {
            state.uploads.remove(id);
            Response { status: 204, headers: Vec::new(), body: Vec::new(), cut: None }
        }
        _ => error(405, "MethodNotAllowed", "not known here"),
    }
}

const MODIFIED: &str = "Sat, 21 Nov 2026 12:00:00 GMT";

fn get(state: &State, key: &str, request: &Request) -> Response {
    let Some(bytes) = state.objects.get(key) else {
        return error(404, "NoSuchKey", "The specified key does not exist.");
    };
    let tag = etag(bytes);
    let range = request.headers.get("range").map(|range| {
        let (from, to) =
            range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
        let from: usize = from.parse().expect("a start");
        (from, to.parse().map_or(bytes.len(), |to: usize| (to + 1).min(bytes.len())))
    });
    let response = match range {
        None => ok(bytes.clone()),
        Some((from, to)) => {
            let mut response = ok(bytes[from..to].to_vec());
            response.status = 206;
            response.with("Content-Range", format!("bytes {from}-{}/{}", to - 1, bytes.len()))
        }
    };
    response.with("ETag", tag).with("Last-Modified", MODIFIED.into())
}

fn list(state: &State, request: &Request) -> Response {
    let prefix = request.value("prefix").unwrap_or("");
    let from = request.value("continuation-token").unwrap_or("");
    // What is below a further slash would be a common prefix, which nobody here asks about.
    let matching = |name: &&String| name.starts_with(prefix) && !name[prefix.len()..].contains('/');
    let names: Vec<&String> =
        state.objects.keys().filter(matching).filter(|name| name.as_str() >= from).collect();
    let mut xml = String::from("<ListBucketResult>");
    for name in names.iter().take(PAGE) {
        let (size, tag) = (state.objects[*name].len(), etag(&state.objects[*name]));
        let _ = write!(
            xml,
            "<Contents><Key>{name}</Key><LastModified>2026-11-21T12:00:00.000Z</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
        );
    }
    if let Some(next) = names.get(PAGE) {
        let _ = write!(xml, "<NextContinuationToken>{next}</NextContinuationToken>");
    }
    xml += "</ListBucketResult>";
    ok(xml)
}

/// Checks a request's signature, and that it covers what it must.
fn check_signature(request: &Request) -> Result<(), (&'static str, &'static str)> {
    const WRONG: (&str, &str) = (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
    );
    let denied = ("AccessDenied", "Access Denied");
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let rest =
        header("authorization").and_then(|text| text.strip_prefix("AWS4-HMAC-SHA256 ")).ok_or(denied)?;
    let fields: HashMap<&str, &str> =
        rest.split(',').filter_map(|field| field.trim().split_once('=')).collect();
    let field = |name: &str| fields.get(name).copied().ok_or(denied);
    let (credential, signed, signature) =
        (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let (key_id, scope) = credential.split_once('/').ok_or(denied)?;
    if key_id != KEY_ID {
        return Err((
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ));
    }
    let date = header("x-amz-date").ok_or(denied)?;
    let day = date.get(..8).ok_or(denied)?;
    if scope != format!("{day}/{REGION}/s3/aws4_request") {
        return Err(("AuthorizationHeaderMalformed", "The authorization header is malformed"));
    }
    let hash = header("x-amz-content-sha256").ok_or(denied)?;
    if hash != hex(&Sha256::digest(&request.body)) {
        return Err((
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match.",
        ));
    }
    let names: Vec<&str> = signed.split(';').collect();
    if !["host", "x-amz-content-sha256", "x-amz-date"].iter().all(|name| names.contains(name)) {
        return Err(denied);
    }
    let mut canonical =
        format!("{}\n{}\n{}\n", request.method, request.path, canonical_query(&request.query));
    for name in &names {
        let value = header(name).ok_or(denied)?;
        let _ = writeln!(canonical, "{name}:{}", value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let _ = write!(canonical, "\n{signed}\n{hash}");
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in scope.split('/') {
        key = mac(&key, part);
    }
    if hex(&mac(&key, &to_sign)) == signature { Ok(()) } else { Err(WRONG) }
}

fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs = query.to_vec();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// Percent-encoding as Amazon wants it: all but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    encoded
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", &hex(&Sha256::digest(bytes))[..32])
}

/// Uses one up, if there are any left.
fn take(count: &AtomicU64) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
}

impl Request {
    fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

fn ok(body: impl Into<Vec<u8>>) -> Response {
    Response { status: 200, headers: Vec::new(), body: body.into(), cut: None }
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Response { status, headers: Vec::new(), body: body.into(), cut: None }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    };
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    Ok(Some(Request { method, path: path.to_owned(), query, headers, body }))
}

fn send(writer: &mut TcpStream, request: &Request, response: Response) -> io::Result<()> {
    let mut head =
        format!("HTTP/1.1 {} stub\r\nContent-Length: {}\r\n", response.status, response.body.len());
    for (name, value) in &response.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head += "\r\n";
    writer.write_all(head.as_bytes())?;
    match (request.method.as_str(), response.cut) {
        ("HEAD", _) => Ok(()),
        (_, Some(cut)) => {
            writer.write_all(&response.body[..cut])?;
            Err(io::ErrorKind::BrokenPipe.into())
        }
        (_, None) => writer.write_all(&response.body),
    }
}

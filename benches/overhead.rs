//! What a request costs without a model: upload over a real socket, decode, plan, answer.
//!
//! `cargo bench --bench overhead` prints the median and the 95th percentile for a JPEG of one megapixel.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/http/support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use std::future::pending;
use std::time::{Duration, Instant};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use image_embed::fetch::FetchPolicy;
use image_embed::http;
use imaging::{ExifOrientation, Filter, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RUNS: usize = 200;
const TASKS: &str = r#"[{"operation_id":"a","type":"no_such_operation"}]"#;

#[tokio::main]
async fn main() {
    let listener = http::bind("127.0.0.1", 0).await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let router = http::router(support::state(
        folder.path(),
        FetchPolicy::default(),
        support::limits(),
    ));
    tokio::spawn(http::serve(
        listener,
        router,
        16,
        Duration::from_secs(15),
        Duration::ZERO,
        pending(),
    ));

    let request = request(&one_megapixel_jpeg());
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let mut times = Vec::with_capacity(RUNS);
    for run in 0..RUNS + 10 {
        let began = Instant::now();
        connection.write_all(&request).await.unwrap();
        read_answer(&mut connection).await;
        // The first few warm the caches and the allocator.
        if run >= 10 {
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    println!(
        "request without a model, {} kB JPEG of 1024x1024: median {:.2} ms, p95 {:.2} ms, minimum {:.2} ms ({RUNS} runs)",
        request.len() / 1000,
        times[RUNS / 2],
        times[RUNS * 95 / 100],
        times[0],
    );
}

fn one_megapixel_jpeg() -> Vec<u8> {
    let file = std::fs::read(support::asset("photographs/astronaut.png")).unwrap();
    let photograph = imaging::decode(&file, &Limits::default(), ExifOrientation::Ignore).unwrap();
    let large = imaging::resize(&photograph, 1024, 1024, Filter::Bicubic).unwrap();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 90)
        .encode(large.pixels(), 1024, 1024, ExtendedColorType::Rgb8)
        .unwrap();
    jpeg
}

fn request(jpeg: &[u8]) -> Vec<u8> {
    let parts = [
        support::part("name=\"image_file\"; filename=\"a.jpg\"", jpeg),
        support::part("name=\"tasks_json\"", TASKS.as_bytes()),
        b"--XX--\r\n".to_vec(),
    ];
    let body = parts.concat();
    let head = format!(
        "POST /analyze_image_upload/ HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=XX\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

async fn read_answer(connection: &mut TcpStream) {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !answer.ends_with(b"}}}") {
        let read = connection.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the server hung up");
        answer.extend_from_slice(&chunk[..read]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

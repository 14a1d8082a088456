//! The binary as its users start it.

mod assets;
mod command;
mod served;

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use assets::asset;
use command::image_embed;
use serde_json::{Value, json};
use served::{Server, line_with};

const TASKS: &str = r#"[{"operation_id":"f","type":"detect_bounding_box","params":{"target":"prominent_face","face_context":"whole_image"}}]"#;

fn run(arguments: &[&str]) -> Output {
    image_embed(arguments).output().unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_wrong_setting_is_named() {
    for (arguments, said) in [
        (&["serve", "--port", "99999"][..], "--port"),
        (&["serve", "--device", "tpu"], "--device"),
        (
            &["serve", "--device", "cuda"],
            "--device cuda (IMAGE_EMBED_DEVICE): this build has no CUDA support",
        ),
        (&["serve", "--precision", "f16"], "--precision"),
        (&["serve", "--clip-model", "ViT-Z/1"], "'ViT-Z/1'"),
        (
            &["serve", "--caption-model", "huge"],
            "no BLIP model 'huge': there are large and base",
        ),
        (
            &["serve", "--preload", "clop"],
            "unknown model 'clop' (known: mtcnn, fasterrcnn-resnet50-fpn, clip-vit-b-32, dinov2-vit-b-14, blip-image-captioning-large)",
        ),
        (&["serve", "--threads", "0"], "--threads"),
        (
            &["serve", "--fetch-allow", "10.0.0.1/8"],
            "'10.0.0.1/8' has bits set behind its prefix",
        ),
        (
            &["serve", "--host", "256.0.0.1"],
            "cannot listen on 256.0.0.1:8000",
        ),
        (&["models", "list", "--log", "=,="], "--log"),
        (
            &["analyze", "x.png", "--tasks", "[1]"],
            "--tasks: [0]: must be an object, not 1",
        ),
        (
            &["analyze", "no-such-file.png", "--tasks", "[]"],
            "cannot read no-such-file.png",
        ),
        (
            &["analyze", "http://127.0.0.1/", "--tasks", "[]"],
            "the address of '127.0.0.1' is not public",
        ),
        (
            &["models", "pull", "clop"],
            "unknown model 'clop' (known: mtcnn",
        ),
    ] {
        let error = refusal(&run(arguments));
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn a_wrong_variable_is_named() {
    for (name, value, said) in [
        ("IMAGE_EMBED_PORT", "many", "--port"),
        ("IMAGE_EMBED_DEVICE", "cuda", "IMAGE_EMBED_DEVICE"),
        ("IMAGE_EMBED_REQUIRE_GPU", "1", "IMAGE_EMBED_REQUIRE_GPU"),
        ("IMAGE_EMBED_MAX_TASKS", "-1", "--max-tasks"),
        ("IMAGE_EMBED_CLIP_MODEL", "ViT-Z/1", "'ViT-Z/1'"),
    ] {
        let error = refusal(&image_embed(&["serve"]).env(name, value).output().unwrap());
        assert!(error.contains(said), "{name}: {error}");
    }
}

#[test]
fn analyze_prints_the_response_s_json() {
    let weights = asset("weights");
    let photograph = asset("photographs/astronaut.png");
    let arguments = [
        "analyze",
        photograph.to_str().unwrap(),
        "--tasks",
        TASKS,
        "--weights-dir",
        weights.to_str().unwrap(),
    ];
    let output = run(&arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let response: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["image_url"], "uploaded:astronaut.png");
    assert_eq!(response["results"]["f"]["data"], json!([181, 62, 267, 172]));
}

#[test]
fn a_server_and_analyze_have_the_classifiers_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let classifiers = folder.path().join("classifiers");
    let classifiers_dir = classifiers.to_str().unwrap();
    let photograph = asset("photographs/astronaut.png");
    let said = || {
        let arguments = [
            "analyze",
            photograph.to_str().unwrap(),
            "--tasks",
            r#"[{"operation_id":"c","type":"classify","params":{"collection_id":8}}]"#,
            "--weights-dir",
            "/nonexistent",
            "--classifiers-dir",
            classifiers_dir,
        ];
        let output = run(&arguments);
        let response: Value = serde_json::from_slice(&output.stdout).unwrap();
        let result = &response["results"]["c"];
        format!("{}: {}", result["status"], result["error_message"])
    };
    let mut server = Server::start(&[
        "--offline",
        "--weights-dir",
        "/nonexistent",
        "--classifiers-dir",
        classifiers_dir,
    ]);
    let listed = |server: &Server| {
        let mut connection = server.connect();
        connection
            .write_all(b"GET /classifiers/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(listed(&server).contains(r#"{"classifiers":{},"problem":null}"#));
    assert_eq!(said(), r#""skipped": "no classifier for collection 8""#);

    let name = "collection_8_classifier_2025-10-07_023202";
    let pickle = folder.path().join(format!("{name}.pkl"));
    std::fs::copy("crates/weights/tests/data/classifiers/plain4.pkl", &pickle).unwrap();
    let embedding = ["--embedding-type", "embed_clip_vit_b_32"];
    let import = ["classifiers", "import", pickle.to_str().unwrap()];
    let place = ["--classifiers-dir", classifiers_dir];
    let imported = run(&[&import[..], &embedding, &place].concat());
    assert!(imported.status.success(), "{imported:?}");
    let file = format!("{name}.safetensors");
    let answer = listed(&server);
    assert!(
        answer.contains(&format!(r#""served_file":"{file}""#)),
        "{answer}"
    );
    let line = line_with(&mut server.log, "classifier loaded");
    assert_eq!(
        (&line["collection"], &line["file"]),
        (&json!(8), &json!(file))
    );
    let message = said();
    assert!(
        message.starts_with(r#""error": "model clip-vit-b-32 is not available"#),
        "{message}"
    );

    std::fs::write(classifiers.join(&file), b"torn").unwrap();
    assert!(listed(&server).contains("neither a safetensors"));
    let stays = "classifier not loaded; the one before stays in force";
    assert_eq!(line_with(&mut server.log, stays)["collection"], 8);
}

#[test]
fn weights_are_adopted_listed_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (here, assets) = (folder.path().to_str().unwrap(), asset("weights"));
    let list = |arguments: &[&str]| {
        let output = run(&[arguments, &["--weights-dir", here]].concat());
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (_, listed) = list(&["models", "list"]);
    assert_eq!(
        listed.matches("missing  facenet-pytorch/").count(),
        3,
        "{listed}"
    );
    let (ok, pulled) = list(&["models", "pull", "mtcnn", "--offline"]);
    assert!(!ok && pulled.matches("FAILED").count() == 3, "{pulled}");

    let (ok, pulled) = list(&[
        "models",
        "pull",
        "mtcnn",
        "--from",
        assets.to_str().unwrap(),
    ]);
    assert!(ok && pulled.matches("pulled").count() == 3, "{pulled}");
    let (ok, verified) = list(&["models", "verify", "mtcnn"]);
    assert!(
        ok && verified.matches("verified").count() == 3,
        "{verified}"
    );

    let broken = folder.path().join("facenet-pytorch/onet.pt");
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    let (ok, verified) = list(&["models", "verify", "mtcnn"]);
    assert!(
        !ok && verified.contains("FAILED") && verified.contains("onet.pt"),
        "{verified}"
    );

    let (ok, pulled) = list(&[
        "models",
        "pull",
        "mtcnn",
        "--from",
        assets.to_str().unwrap(),
    ]);
    assert!(ok, "{pulled}");
    let lines = ["present", "pulled"].map(|word| pulled.matches(word).count());
    assert_eq!(
        lines,
        [2, 1],
        "only the damaged file is taken again: {pulled}"
    );
    assert!(list(&["models", "verify", "mtcnn"]).0);
}

#[test]
fn sigterm_lets_the_request_under_way_finish_and_exits_0() {
    let mut server = Server::start(&["--offline", "--weights-dir", "/nonexistent"]);
    let mut connection = server.connect();
    let body = "[1,2]";
    let head = format!(
        "POST /analyze_image/ HTTP/1.1\r\nhost: x\r\nx-request-id: slow\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    line_with(&mut server.log, "request started");

    server.signal("TERM");
    line_with(
        &mut server.log,
        "stopping: finishing the requests that are under way",
    );
    assert!(
        TcpStream::connect(&server.address).is_err(),
        "no new connections"
    );
    connection.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("\"detail\""),
        "{answer}"
    );
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

#[test]
fn the_log_has_a_start_and_a_finish_with_id_pid_and_stages() {
    let mut server = Server::start(&["--offline", "--weights-dir", "/nonexistent"]);
    let mut connection = server.connect();
    connection
        .write_all(
            b"GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: abc\r\nconnection: close\r\n\r\n",
        )
        .unwrap();
    connection.read_to_string(&mut String::new()).unwrap();
    let started = line_with(&mut server.log, "request started");
    let finished = line_with(&mut server.log, "request finished");
    for line in [&started, &finished] {
        assert_eq!(line["pid"], server.process.id());
        assert_eq!(line["path"], "/health");
        assert_eq!(line["span"]["id"], "abc");
    }
    assert_eq!(finished["status"], 200);
    assert!(finished["duration_ms"].is_f64());
}

#[test]
fn the_log_says_at_start_what_it_computes_with() {
    for (arguments, precision, clip_model) in [
        (&["--precision", "f32"][..], "F32", "clip-vit-b-32"),
        (
            &["--precision", "bf16", "--clip-model", "vit-l-14"],
            "Bf16",
            "clip-vit-l-14",
        ),
    ] {
        let all = [
            &["serve", "--port", "0", "--log-format", "json", "--offline"],
            arguments,
        ];
        let mut process = image_embed(&all.concat())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let line = line_with(&mut log, "computing on the processor");
        process.kill().unwrap();
        process.wait().unwrap();
        assert_eq!(line["precision"], precision);
        assert_eq!(line["clip_model"], clip_model);
        assert!(line["isa"].is_string() && line["threads"].is_u64());
    }
}

#[test]
fn a_client_that_never_finishes_its_head_does_not_stop_the_server_from_stopping() {
    let mut server = Server::start(&[
        "--offline",
        "--weights-dir",
        "/nonexistent",
        "--shutdown-grace",
        "1",
    ]);
    let mut slow = server.connect();
    slow.write_all(b"GET /health HTT").unwrap();
    server.signal("TERM");
    let began = Instant::now();
    server.process.wait().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
}

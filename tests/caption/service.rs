//! The service itself, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Killed when dropped.
pub(crate) struct Service {
    process: Child,
    address: String,
}

impl Service {
    /// Serves the weights in this folder on a free port.
    pub(crate) fn start(weights_dir: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_image-embed"))
            .args(["serve", "--port", "0", "--offline", "--log-format", "json"])
            .arg("--weights-dir")
            .arg(weights_dir)
            .env_clear()
            .env("HOME", "/nonexistent")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = log.find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["address"].as_str().map(str::to_owned)
        });
        // Read on: a full pipe would stop the service.
        std::thread::spawn(move || log.count());
        let address = address.expect("the service listens");
        Self { process, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

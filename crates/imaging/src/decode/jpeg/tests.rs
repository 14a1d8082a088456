use std::num::NonZeroUsize;
use std::path::Path;
use std::{fs, thread};

use super::decode;
use crate::{Limits, Workers};

/// Whatever the number of threads, and for damaged files too.
#[test]
fn several_threads_give_the_same_pixels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    let files: Vec<_> = files.map(|path| fs::read(path).unwrap()).collect();
    assert!(files.len() > 20);
    let decode_all = || -> Vec<_> {
        let decode = |file: &Vec<u8>| decode(file, &Limits::default());
        files.iter().map(decode).collect()
    };
    let alone = decode_all();
    for threads in [2, 3, 8] {
        let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
        let helped = thread::scope(|scope| {
            let helped = scope.spawn(|| {
                workers.help_this_thread();
                decode_all()
            });
            helped.join().unwrap()
        });
        assert!(helped == alone, "{threads} threads");
    }
}

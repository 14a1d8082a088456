use std::num::NonZeroUsize;
use std::path::Path;
use std::{fs, thread};

use super::decode_at;
use crate::levels::levels;
use crate::{Limits, Workers};

use fearless_simd::Level;

/// For damaged files too.
#[test]
fn any_threads_and_instructions_give_the_same_pixels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    let files: Vec<_> = files.map(|path| fs::read(path).unwrap()).collect();
    assert!(files.len() > 20);
    let decode_all = |level: Level| -> Vec<_> {
        let decode = |file: &Vec<u8>| decode_at(level, file, &Limits::default());
        files.iter().map(decode).collect()
    };
    let alone = decode_all(Level::new());
    for level in levels() {
        assert!(decode_all(level) == alone, "{level:?}");
    }
    for threads in [2, 3, 8] {
        let workers = Workers::new(NonZeroUsize::new(threads).unwrap()).unwrap();
        let helped = thread::scope(|scope| {
            let helped = scope.spawn(|| {
                workers.help_this_thread();
                decode_all(Level::new())
            });
            helped.join().unwrap()
        });
        assert!(helped == alone, "{threads} threads");
    }
}

//! Pickles that no scikit-learn wrote. Each is refused, says why, and nothing in it happens.

use std::io::Write as _;

use weights::PickledClassifier;

use crate::{fixture, refusal, refused};

/// A pickle of protocol 2 with this code.
fn pickle(code: &[u8]) -> Vec<u8> {
    [b"\x80\x02", code].concat()
}

/// `code`, this many times.
fn times(count: usize, code: &[u8]) -> Vec<u8> {
    code.repeat(count)
}

const ESTIMATOR: &[u8] = b"csklearn.linear_model._logistic\nLogisticRegression\n)\x81";

#[test]
fn nothing_is_called_that_is_not_on_the_list() {
    refused(
        &fixture("refused_system"),
        "refused: it refers to \"posix.system\"",
    );
    assert!(!std::path::Path::new("/tmp/a-pickle-was-executed").exists());
    for (module, name) in [
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "load"),
        ("numpy._core.multiarray", "fromfile"),
        ("numpy", "ndarray.tofile"),
        ("joblib.numpy_pickle", "load"),
        ("sklearn.linear_model._logistic", "LogisticRegression.fit"),
        ("_codecs", "decode"),
    ] {
        let code = format!("c{module}\n{name}\n.");
        refused(
            &pickle(code.as_bytes()),
            &format!("refused: it refers to \"{module}.{name}\""),
        );
    }
    let stacked = b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.";
    refused(&pickle(stacked), "refused: it refers to \"os.system\"");
}

#[test]
fn names_on_the_list_are_called_only_as_scikit_learn_calls_them() {
    for code in [
        b"csklearn.linear_model._logistic\nLogisticRegression\n)R.".as_slice(),
        b"csklearn.linear_model._logistic\nLogisticRegression\nK\x01\x85\x81.",
        b"cnumpy\nndarray\nK\x10\x85R.",
        b"cnumpy\nndarray\n)\x81.",
        b"c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0utf-8\x86R.",
        b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\ndtype\n)N\x87R.",
        b"cnumpy._core.numeric\n_frombuffer\n)R.",
    ] {
        refused(&pickle(code), "refused: calls ");
    }
    refused(
        &pickle(b"K\x01)\x81."),
        "refused: makes an object of an integer",
    );
    refused(&pickle(b"K\x01)R."), "refused: calls an integer");
    refused(
        &pickle(b"cnumpy\ndtype\nX\x03\0\0\0V99\x85R."),
        "an array of dtype \"V99\"",
    );
    refused(
        &pickle(&[ESTIMATOR, b"K\x01b."].concat()),
        "sets the state of an estimator to an integer",
    );
}

#[test]
fn instructions_of_no_use_are_refused() {
    // INST, OBJ, NEWOBJ_EX, EXT1, PERSID, BINPERSID, NEXT_BUFFER, READONLY_BUFFER, POP, DUP, protocol 0.
    for code in [
        b'i', b'o', 0x92, 0x82, b'P', b'Q', 0x97, 0x98, b'0', b'2', b'S', b'I', b'F', 0xff,
    ] {
        refused(
            &pickle(&[code]),
            &format!("refused: no classifier needs pickle instruction {code:#04x}"),
        );
    }
    refused(b"\x80\x06.", "pickle protocol 6");
    refused(b"(dp0\n.", "not a pickle of protocol 2 to 5");
    refused(b"", "not a pickle of protocol 2 to 5");
}

#[test]
fn lengths_beyond_the_file_are_refused() {
    for code in [
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"X\xff\xff\xff\xff",
        b"C\xff",
    ] {
        refused(&pickle(code), "its pickle is cut");
    }
}

#[test]
fn depth_and_bombs_cost_nothing() {
    let deep = [times(200_000, b"("), times(200_000, b"t"), b".".to_vec()].concat();
    refused(&pickle(&deep), "it holds a tuple");
    let lists = [times(300_000, b"]"), times(299_999, b"a"), b".".to_vec()].concat();
    refused(&pickle(&lists), "it holds a list");
    // Each tuple holds the one before twice: two to the 1000th items, if anyone counted.
    let doubling = [
        b")q\0".to_vec(),
        times(1000, b"h\0h\0\x86q\0"),
        b"\x85.".to_vec(),
    ]
    .concat();
    refusal(&pickle(&doubling));
    // A list that holds itself.
    refused(&pickle(b"]q\0h\0a."), "it holds a list");
    let text = [
        b"X\0\0\x10\0".to_vec(),
        times(1 << 20, b"a"),
        b"q\0".to_vec(),
    ]
    .concat();
    let encodings = times(100_000, b"c_codecs\nencode\nh\0X\x06\0\0\0latin1\x86R");
    refusal(&pickle(&[text, encodings, b".".to_vec()].concat()));
    let memo: Vec<u8> = (0..1_200_000_u32)
        .flat_map(|i| [b"Nr".as_slice(), &i.to_le_bytes()].concat())
        .collect();
    refused(&pickle(&memo), "refused: more than 1048576");
}

#[test]
fn large_states_are_not_gone_through_again_and_again() {
    let items: Vec<u8> = (0..1000_u16)
        .flat_map(|i| {
            [
                b"X\x02\0\0\0".as_slice(),
                format!("{:02}", i % 100).as_bytes(),
                b"N",
            ]
            .concat()
        })
        .collect();
    let dict = [b"}(".as_slice(), &items, b"uq\0"].concat();
    let wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81h\0b";
    refused(
        &pickle(&[dict, times(1000, wrapper)].concat()),
        "refused: more than 64 attributes",
    );
}

#[test]
fn compressed_bombs_are_cut_off() {
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        zeros.write_all(&vec![0; 1 << 20]).unwrap();
    }
    refused(
        &zeros.finish().unwrap(),
        "more than 16777216 bytes of zlib data",
    );
    refused(&fixture("joblib_zlib")[..300], "damaged zlib data");
    refused(&vec![0x80; (16 << 20) + 1], "more than 16777216 bytes");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for name in [
        "plain2",
        "plain5",
        "joblib4",
        "joblib_gzip",
        "named_joblib",
        "joblib2",
    ] {
        let file = fixture(name);
        for length in 0..file.len() {
            assert!(
                PickledClassifier::from_bytes(name, &file[..length]).is_err(),
                "{name} cut at {length}"
            );
        }
        refusal(&[file.as_slice(), b"N"].concat());
    }
}

/// The file with the first `from` replaced by `to`, which is as long.
fn altered(name: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = fixture(name);
    assert_eq!(from.len(), to.len());
    let at = file.windows(from.len()).position(|window| window == from);
    let at = at.expect("there");
    file[at..at + from.len()].copy_from_slice(to);
    file
}

#[test]
fn numbers_that_cannot_be_are_refused() {
    let first = PickledClassifier::from_bytes("plain5", &fixture("plain5"))
        .unwrap()
        .coefficients[0];
    let (found, bad) = (first.to_le_bytes(), f64::NAN.to_le_bytes());
    refused(
        &altered("plain5", &found, &bad),
        "a coefficient that is NaN",
    );
    // A shape that is not the data's: TUPLE2 of 1 and 5.
    refused(
        &altered("plain5", b"K\x01K\x05\x86", b"K\x01K\x06\x86"),
        "coef_: 40 bytes for shape [1, 6]",
    );
    refused(
        &altered("plain5", b"K\x01K\x05\x86", b"K\x05K\x01\x86"),
        "coef_ has shape [5, 1]",
    );
    refused(
        &altered("joblib4", b"K\x01K\x05\x86", b"K\x01K\xff\x86"),
        "",
    );
    refused(
        &altered("plain5", b"\x8c\x01<", b"\x8c\x01>"),
        "a big-endian array",
    );
    refused(&altered("plain5", b"\0\x01", b"\x01\x01"), "");
}

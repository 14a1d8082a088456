use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use hyper::header::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"what was there before, before, before it was compressed";

/// [`TEXT`] by Python's `brotli` 1.2.1 and `backports.zstd` 1.8 (with a checksum).
const BROTLI: &[u8] = &[
    0x1b, 0x36, 0x00, 0x18, 0x8c, 0x94, 0x6e, 0xde, 0xb4, 0x1e, 0x2b, 0x4b, 0x7b, 0xd3, 0x20, 0x2c,
    0x6d, 0x72, 0xc0, 0x21, 0x07, 0xec, 0xdf, 0x0e, 0x16, 0x16, 0x4a, 0xb0, 0x01, 0x07, 0x96, 0x48,
    0x8b, 0x6f, 0xb6, 0xd2, 0x64, 0x7f, 0xab, 0x4b, 0xf3, 0x24, 0x24, 0xe3, 0x16, 0x03,
];
const ZSTD: &[u8] = &[
    0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x37, 0x65, 0x01, 0x00, 0x24, 0x02, 0x77, 0x68, 0x61, 0x74, 0x20,
    0x77, 0x61, 0x73, 0x20, 0x74, 0x68, 0x65, 0x72, 0x65, 0x20, 0x62, 0x65, 0x66, 0x6f, 0x72, 0x65,
    0x2c, 0x20, 0x69, 0x63, 0x6f, 0x6d, 0x70, 0x72, 0x65, 0x73, 0x73, 0x65, 0x64, 0x02, 0x00, 0x47,
    0x0d, 0xd8, 0xba, 0xd2, 0x04, 0xcb, 0x02, 0xeb, 0x50,
];

const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn raw_deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn undo(coding: Coding, bytes: &[u8]) -> Result<Bytes, CodingError> {
    coding.undo(bytes, 1000)
}

fn assert_damaged(coding: Coding, bytes: &[u8]) {
    let error = undo(coding, bytes).unwrap_err();
    assert!(matches!(error, CodingError::Damaged { .. }), "{error:?}");
}

#[test]
fn each_coding_is_undone() {
    for (coding, bytes) in [
        (Coding::Gzip, gzip(TEXT)),
        (Coding::Deflate, zlib(TEXT)),
        (Coding::Deflate, raw_deflate(TEXT)),
        (Coding::Brotli, BROTLI.to_vec()),
        (Coding::Zstd, ZSTD.to_vec()),
    ] {
        assert_eq!(undo(coding, &bytes).unwrap(), TEXT, "{coding:?}");
        let exact = coding.undo(&bytes, TEXT.len()).unwrap();
        assert_eq!(exact, TEXT, "{coding:?}");
        let error = coding.undo(&bytes, TEXT.len() - 1).unwrap_err();
        assert!(matches!(error, CodingError::TooLarge { limit: 54 }));
    }
}

#[test]
fn what_is_cut_short_is_taken_as_far_as_it_goes_except_of_zstd() {
    for (coding, bytes) in [
        (Coding::Gzip, gzip(TEXT)),
        (Coding::Deflate, zlib(TEXT)),
        (Coding::Deflate, raw_deflate(TEXT)),
        (Coding::Brotli, BROTLI.to_vec()),
    ] {
        for length in 0..bytes.len() {
            let undone = undo(coding, &bytes[..length]).unwrap();
            assert!(TEXT.starts_with(&undone), "{coding:?} {length}");
        }
    }
    let trailer = 8;
    let whole = gzip(TEXT);
    let undone = undo(Coding::Gzip, &whole[..whole.len() - trailer]).unwrap();
    assert_eq!(undone, TEXT, "without gzip's trailer");
    for length in 1..ZSTD.len() {
        assert_damaged(Coding::Zstd, &ZSTD[..length]);
    }
}

#[test]
fn a_wrong_checksum_is_damage() {
    for (coding, mut bytes, from_the_end) in [
        (Coding::Gzip, gzip(TEXT), 8),
        (Coding::Deflate, zlib(TEXT), 1),
        (Coding::Zstd, ZSTD.to_vec(), 1),
    ] {
        let at = bytes.len() - from_the_end;
        bytes[at] ^= 1;
        assert_damaged(coding, &bytes);
    }
}

#[test]
fn what_was_never_compressed_is_damage() {
    for coding in CODINGS {
        assert_damaged(coding, b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR");
    }
}

#[test]
fn members_and_frames_follow_each_other() {
    let two = [gzip(TEXT), gzip(b"!"), b"\0\0 garbage".to_vec()].concat();
    assert_eq!(undo(Coding::Gzip, &two).unwrap(), [TEXT, b"!"].concat());
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let two = [ZSTD, &skippable, ZSTD].concat();
    assert_eq!(undo(Coding::Zstd, &two).unwrap(), TEXT.repeat(2));
    assert_damaged(Coding::Zstd, &[ZSTD, &skippable[..9]].concat());
    assert_damaged(Coding::Zstd, &[ZSTD, b"garbage"].concat());
    let behind = [zlib(TEXT), b"garbage".to_vec()].concat();
    assert_eq!(undo(Coding::Deflate, &behind).unwrap(), TEXT);
}

#[test]
fn no_number_of_members_keeps_a_thread_for_long() {
    assert_damaged(Coding::Gzip, &gzip(b"").repeat(MOST_MEMBERS));
    let empty_frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
    assert_eq!(undo(Coding::Zstd, &empty_frame).unwrap(), "");
    assert_damaged(Coding::Zstd, &empty_frame.repeat(MOST_MEMBERS));
}

#[test]
fn a_window_larger_than_anyone_needs_is_refused_before_memory_is_taken() {
    // Window_Descriptor 0x88: 2^27 bytes.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 1, 0, 0];
    assert_damaged(Coding::Zstd, &frame);
    // Large window brotli (not RFC 7932): 30 bits.
    assert_damaged(Coding::Brotli, &[0x11, 0x1e, 0x03]);
}

fn named(values: &[&str]) -> Result<Vec<Coding>, CodingError> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(
            CONTENT_ENCODING,
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    codings(&Head {
        status: hyper::StatusCode::OK,
        headers,
    })
}

#[test]
fn words_that_name_no_coding_are_passed_over() {
    for value in [
        "",
        "identity",
        "aws-chunked",
        "utf-8",
        "none",
        "compress",
        "gzip;q=1",
        ",",
    ] {
        assert_eq!(named(&[value]).unwrap(), [], "{value}");
    }
    assert_eq!(named(&["aws-chunked, GZip"]).unwrap(), [Coding::Gzip]);
    assert_eq!(named(&["X-GZIP"]).unwrap(), [Coding::Gzip]);
    let two = [Coding::Deflate, Coding::Brotli];
    assert_eq!(named(&["deflate", "identity", "br"]).unwrap(), two);
    assert_eq!(named(&["gzip,gzip,gzip,gzip,zstd"]).unwrap().len(), 5);
    let error = named(&["gzip,gzip,gzip,gzip,zstd,br"]).unwrap_err();
    assert!(matches!(error, CodingError::Many { limit: 5 }));
}

#[tokio::test]
async fn codings_on_top_of_each_other_are_undone_from_the_last_to_the_first() {
    let bytes = Bytes::from(zlib(&gzip(TEXT)));
    let codings = vec![Coding::Gzip, Coding::Deflate];
    let undone = Decoder::default().undo(codings, bytes, 1000).await;
    assert_eq!(undone.unwrap(), TEXT);
    // What lies between is limited as well.
    let bomb = Bytes::from(gzip(&gzip(&vec![0; 1 << 20])));
    let codings = vec![Coding::Gzip, Coding::Gzip];
    let error = Decoder::default().undo(codings, bomb, 1000).await;
    assert!(matches!(error, Err(CodingError::TooLarge { limit: 1000 })));
}

#[test]
fn memory_ends_at_the_limit() {
    let mut output = Output::new(100_000);
    let full = zlib::gzip(&gzip(&vec![7; 1 << 20]), &mut output);
    assert!(matches!(full, Err(Stop::Full)));
    assert!(output.capacity() <= 100_001, "{}", output.capacity());
}

proptest! {
    #[test]
    fn no_bytes_are_too_odd_or_give_more_than_the_limit(
        bytes: Vec<u8>,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let whole = [gzip(TEXT), zlib(TEXT), BROTLI.to_vec(), ZSTD.to_vec()];
        for (coding, mut flipped) in CODINGS.into_iter().zip(whole) {
            for (index, byte) in &flips {
                let at = index.index(flipped.len());
                flipped[at] = *byte;
            }
            for bytes in [&bytes, &flipped] {
                if let Ok(undone) = coding.undo(bytes, 20) {
                    prop_assert!(undone.len() <= 20);
                }
            }
        }
    }
}

//! Zips and old streams that no `torch.save` wrote: cut, overlapping, contradictory.

use crate::hostile_pickles::{four, refusal, refused};
use crate::torch_file::{Entry, Pickle, View, torch_legacy, torch_zip, zip, zip_at};

#[test]
fn zips_that_two_readers_could_read_differently_are_refused() {
    let (pickle, data) = (Pickle::state_dict(&View::FOUR), four());
    let (state, storage) = (
        Entry::new("a/data.pkl", &pickle),
        Entry::new("a/data/0", &data),
    );
    let one = |entry: Entry<'_>| zip(&[state.clone(), entry]);

    refused(
        zip(&[state.clone(), storage.clone(), storage.clone()]),
        "'a/data/0' is there twice",
    );
    refused(
        one(Entry {
            method: 8,
            ..storage.clone()
        }),
        "is compressed (method 8)",
    );
    refused(
        one(Entry {
            flags: 1,
            ..storage.clone()
        }),
        "is encrypted",
    );
    refused(
        zip_at(&[state.clone(), storage.clone()], &[(1, 0)]),
        "another name in its own header",
    );
    refused(
        zip_at(&[state.clone(), storage.clone()], &[(1, 3)]),
        "is damaged",
    );
    refused(
        zip_at(&[state.clone(), storage.clone()], &[(1, 99_999)]),
        "over its end",
    );
    refused(zip(std::slice::from_ref(&storage)), "it has no data.pkl");
    refused(
        zip(&[state.clone(), Entry::new("b/data.pkl", &pickle)]),
        "more than one data.pkl",
    );
    refused(
        zip(&[Entry::new("data.pkl", &pickle)]),
        "more than one data.pkl",
    );
    refused(
        zip(std::slice::from_ref(&state)),
        "storage '0' is not in the file",
    );
    let big = [
        state.clone(),
        storage.clone(),
        Entry::new("a/byteorder", b"big"),
    ];
    refused(zip(&big), "byte order 'big', expected little");
    let trailing = [pickle.as_slice(), b"N."].concat();
    refused(torch_zip(&trailing, &data), "2 bytes after its pickle");
}

#[test]
fn entries_that_share_bytes_are_refused() {
    // A storage whose content is itself a whole entry, listed as one more entry.
    let inner = zip(&[Entry::new("a/data/1", b"12345678")]);
    let inner = &inner[..30 + 8 + 8];
    let pickle = Pickle::state_dict(&View::FOUR);
    let entries = [
        Entry::new("a/data.pkl", &pickle),
        Entry::new("a/data/0", inner),
        Entry::new("a/data/1", b"12345678"),
    ];
    let outer = 30 + "a/data.pkl".len() + pickle.len();
    let file = zip_at(&entries, &[(2, outer + 30 + "a/data/0".len())]);
    refused(file, "'a/data/0' and 'a/data/1' overlap");
}

#[test]
fn no_prefix_of_a_file_is_a_file() {
    let pickle = Pickle::state_dict(&View::FOUR);
    for file in [
        torch_zip(&pickle, &four()),
        torch_legacy(&pickle, &[("0", 4, &four())]),
    ] {
        for length in 0..file.len() {
            refusal(file[..length].to_vec());
        }
    }
}

#[test]
fn the_old_container_is_checked_as_well() {
    let (pickle, data) = (Pickle::state_dict(&View::FOUR), four());
    let legacy = |storages: &[(&str, i64, &[u8])]| torch_legacy(&pickle, storages);
    refused(legacy(&[]), "its storage '0' is not in the file");
    refused(
        legacy(&[("0", 5, &data)]),
        "storage '0' of 4 elements has 5",
    );
    refused(legacy(&[("0", -1, &data)]), "has 18446744073709551615");
    refused(legacy(&[("0", 4, &data[1..])]), "cut within storage '0'");
    refused(
        legacy(&[("0", 4, &data), ("0", 4, &data)]),
        "storage '0' is there twice",
    );
    refused(legacy(&[("9", 4, &data)]), "storage '9' is of no use");
    refused(
        [legacy(&[("0", 4, &data)]), vec![0]].concat(),
        "1 bytes after the last storage",
    );
    let big = Pickle::state_dict(&View {
        count: i64::MAX,
        ..View::FOUR
    });
    refused(
        torch_legacy(&big, &[("0", i64::MAX, &data)]),
        "cut within storage '0'",
    );
}

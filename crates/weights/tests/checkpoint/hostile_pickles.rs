//! Pickles that no `torch.save` wrote. Each is refused, says why, and nothing in it happens.

use weights::Checkpoint;

use crate::torch_file::{Pickle, View, floats, torch_legacy, torch_zip};

/// The reason for which a file is refused.
pub(crate) fn refusal(file: Vec<u8>) -> String {
    Checkpoint::from_bytes("hostile.pt", file)
        .expect_err("hostile")
        .to_string()
}

pub(crate) fn refused(file: Vec<u8>, reason: &str) {
    let found = refusal(file);
    assert!(found.contains(reason), "expected '{reason}' in: {found}");
}

/// A zip whose pickle is `pickle`, beside four floats.
fn zipped(pickle: Pickle) -> Vec<u8> {
    torch_zip(&pickle.0, &floats(&[1., 2., 3., 4.]))
}

pub(crate) fn four() -> Vec<u8> {
    floats(&[1., 2., 3., 4.])
}

#[test]
fn the_files_of_these_tests_are_sound_where_they_are_not_hostile() {
    let pickle = Pickle::state_dict(&View::FOUR);
    for file in [
        torch_zip(&pickle, &four()),
        torch_legacy(&pickle, &[("0", 4, &four())]),
    ] {
        let checkpoint = Checkpoint::from_bytes("sound.pt", file).expect("sound");
        assert_eq!(
            checkpoint.root().f32("x", &[4]).expect("there"),
            [1., 2., 3., 4.]
        );
    }
}

#[test]
fn names_outside_the_list_are_refused_and_never_called() {
    let system = || {
        Pickle::new()
            .global("os", "system")
            .text("exit 1")
            .op(b"\x85R.")
    };
    refused(zipped(system()), "refused: it refers to \"os.system\"");
    refused(
        torch_legacy(&system().0, &[]),
        "refused: it refers to \"os.system\"",
    );
    let stacked = Pickle::new().text("builtins").text("eval").op(b"\x93.");
    refused(zipped(stacked), "refused: it refers to \"builtins.eval\"");
    for (module, name) in [
        ("posix", "system"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor"),
        ("torch", "FloatStorage.from_file"),
        ("collections", "OrderedDict.__class__"),
    ] {
        refused(
            zipped(Pickle::new().global(module, name).op(b".")),
            "refused: it refers to",
        );
    }
}

#[test]
fn instructions_that_make_or_call_objects_are_refused() {
    // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, NEXT_BUFFER, POP, DUP, protocol-0 text and numbers.
    for op in [
        b'i', b'o', 0x81, 0x92, 0x82, b'P', 0x97, b'0', b'2', b'S', b'I', b'F', 0xff,
    ] {
        refused(
            zipped(Pickle::new().op(&[op])),
            &format!("pickle instruction {op:#04x}"),
        );
    }
    refused(zipped(Pickle::new().op(b"\x80\x06N.")), "pickle protocol 6");
}

#[test]
fn listed_names_are_called_only_as_torch_calls_them() {
    let ordered = Pickle::new().global("collections", "OrderedDict");
    refused(
        zipped(ordered.clone().text("x").op(b"\x85R.")),
        "refused: calls OrderedDict with (text)",
    );
    refused(
        zipped(ordered.op(b")Rq\x00N\x85b.")),
        "refused: sets the state of a dict to a tuple",
    );
    refused(
        zipped(Pickle::new().global("torch", "FloatStorage").op(b")R.")),
        "refused: calls Storage",
    );
    refused(
        zipped(Pickle::new().text("x").op(b")R.")),
        "refused: calls text",
    );
    refused(zipped(Pickle::new().op(b"NR.")), "arguments that are");
    let rebuild = Pickle::new().global("torch._utils", "_rebuild_tensor_v2");
    refused(
        zipped(rebuild.op(b")R.")),
        "refused: calls RebuildTensor with ()",
    );
    refused(
        zipped(Pickle::new().text("storage").op(b"\x85Q.")),
        "refused: a persistent id of (text)",
    );
}

#[test]
fn a_file_that_holds_itself_is_refused() {
    refused(
        zipped(Pickle::new().op(b"}q\x00").text("x").op(b"h\x00s.")),
        "'x' is a dict",
    );
    refused(
        zipped(Pickle::new().op(b"]q\x00h\x00a.")),
        "it holds a list",
    );
}

#[test]
fn depth_and_size_are_bounded() {
    // A tuple in a tuple in a tuple, two million deep: more values than a state dict may have.
    let deep = |times| Pickle::new().op(b"N").op(&[0x85].repeat(times)).op(b".");
    refused(zipped(deep(2_000_000)), "more than 1048576 containers");
    refused(zipped(deep(1_000_000)), "it holds a tuple");
    refused(
        zipped(Pickle::new().op(&b"(".repeat(2_000_000))),
        "more than 1048576 marks",
    );
    refused(
        zipped(Pickle::new().op(&b"N".repeat(2_000_000))),
        "more than 1048576 stacked values",
    );
    let memo = (0..2_000_000_u32).fold(Pickle::new().op(b"N"), |pickle, index| {
        pickle.op(b"r").op(&index.to_le_bytes())
    });
    refused(zipped(memo), "more than 1048576 memo entries");
    refused(
        zipped(Pickle::new().text(&"x".repeat(17 << 20)).op(b".")),
        "longer than 16777216",
    );
}

#[test]
fn each_doubling_of_a_billion_laughs_costs_one_reference() {
    let laughs = (0..60_u8).fold(Pickle::new().op(b"]q\x00"), |pickle, index| {
        pickle.op(&[b']', b'q', index + 1, b'(', b'h', index, b'h', index, b'e'])
    });
    // Sixty lists lie on the stack, each twice the one before: left over, and refused in no time.
    refused(zipped(laughs.op(b".")), "values left over");
}

#[test]
fn lengths_beyond_the_file_are_refused() {
    for cut in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8c\x05abc",
        b"U\x05abc",
        b"\x8a\xff",
        b"M\x01",
        b"cos",
        b"\x95\x00",
        b"",
    ] {
        refused(zipped(Pickle::new().op(cut)), "its pickle is cut");
    }
}

#[test]
fn an_unbalanced_stack_is_refused() {
    for (pickle, reason) in [
        (&b"."[..], "empty stack"),
        (b"N(.", "empty stack"),
        (b"(N.", "values left over"),
        (b"t", "no mark"),
        (b"u", "no mark"),
        (b"e", "no mark"),
        (b"\x87", "empty stack"),
        (b"N(\x85", "empty stack"),
        (b"Na", "empty stack"),
        (b"NNa", "appends to None"),
        (b"NNNs", "sets items of None"),
        (b"}(Nu", "a key without a value"),
        (b"}NNs.", "a key that is None"),
        (b"h\x07", "no memo entry 7"),
        (b"q\x00", "empty stack"),
        (b"X\x01\x00\x00\x00\xff", "not UTF-8"),
    ] {
        refused(zipped(Pickle::new().op(pickle)), reason);
    }
}

#[test]
fn tensors_beyond_their_storage_are_refused() {
    let max = i64::MAX;
    for (view, reason) in [
        (
            View {
                offset: 1,
                ..View::FOUR
            },
            "reaches beyond its storage of 4 elements",
        ),
        (
            View {
                strides: &[2],
                ..View::FOUR
            },
            "reaches beyond",
        ),
        (
            View {
                strides: &[max],
                ..View::FOUR
            },
            "reaches beyond",
        ),
        (
            View {
                offset: max,
                ..View::FOUR
            },
            "reaches beyond",
        ),
        (
            View {
                offset: -1,
                ..View::FOUR
            },
            "a storage offset of -1",
        ),
        (
            View {
                shape: &[-4],
                ..View::FOUR
            },
            "a size of -4",
        ),
        (
            View {
                strides: &[-1],
                ..View::FOUR
            },
            "a stride of -1",
        ),
        (
            View {
                shape: &[4, 1],
                ..View::FOUR
            },
            "2 sizes but 1 strides",
        ),
        (
            View {
                shape: &[5],
                strides: &[0],
                ..View::FOUR
            },
            "5 elements in a storage of 4",
        ),
        (
            View {
                shape: &[max, max],
                strides: &[0, 0],
                ..View::FOUR
            },
            "its size overflows",
        ),
        (
            View {
                shape: &[0, max, max],
                strides: &[0; 3],
                offset: 5,
                ..View::FOUR
            },
            "reaches beyond",
        ),
        (
            View {
                shape: &[1; 65],
                strides: &[0; 65],
                ..View::FOUR
            },
            "65 dimensions",
        ),
        (
            View {
                count: -4,
                ..View::FOUR
            },
            "a storage size of -4",
        ),
        (
            View {
                count: 5,
                ..View::FOUR
            },
            "storage '0' of 5 F32 elements has 16 bytes",
        ),
        (
            View {
                count: max,
                ..View::FOUR
            },
            "elements has 16 bytes",
        ),
        (
            View {
                kind: "DoubleStorage",
                ..View::FOUR
            },
            "of 4 F64 elements has 16 bytes",
        ),
        (
            View {
                key: "1",
                ..View::FOUR
            },
            "storage '1' is not in the file",
        ),
        (
            View {
                key: "../data.pkl",
                ..View::FOUR
            },
            "is not in the file",
        ),
        (
            View {
                kind: "UntypedStorage",
                ..View::FOUR
            },
            "refers to \"torch.UntypedStorage\"",
        ),
    ] {
        refused(torch_zip(&Pickle::state_dict(&view), &four()), reason);
    }
}

#[test]
fn a_storage_cannot_be_two_things() {
    let integers = View {
        kind: "IntStorage",
        ..View::FOUR
    };
    let pickle = Pickle::new()
        .op(b"}(")
        .text("x")
        .tensor(&View::FOUR)
        .text("y")
        .tensor(&integers);
    refused(
        zipped(pickle.op(b"u.")),
        "storage '0' is described in two ways",
    );
    let twice = Pickle::new()
        .op(b"}(")
        .text("x")
        .tensor(&View::FOUR)
        .text("x")
        .tensor(&View::FOUR);
    refused(zipped(twice.op(b"u.")), "tensor 'x' is there twice");
}

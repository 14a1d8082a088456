//! Writes PyTorch files instruction by instruction, so that tests can write what PyTorch never would.

/// A pickle under construction. Each method appends one instruction or one idiom.
#[derive(Clone, Default)]
pub(crate) struct Pickle(pub(crate) Vec<u8>);

impl Pickle {
    pub(crate) fn new() -> Self {
        Self(vec![0x80, 2])
    }

    pub(crate) fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).expect("short");
        self.op(b"X").op(&length.to_le_bytes()).op(text.as_bytes())
    }

    /// An integer of 64 bits.
    pub(crate) fn int(self, value: i64) -> Self {
        self.op(&[0x8a, 8]).op(&value.to_le_bytes())
    }

    pub(crate) fn tuple(self, values: &[i64]) -> Self {
        values
            .iter()
            .fold(self.op(b"("), |pickle, &value| pickle.int(value))
            .op(b"t")
    }

    pub(crate) fn storage(self, kind: &str, key: &str, count: i64) -> Self {
        let pickle = self
            .op(b"(")
            .text("storage")
            .global("torch", kind)
            .text(key);
        pickle.text("cpu").int(count).op(b"tQ")
    }

    pub(crate) fn tensor(self, view: &View<'_>) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b"(")
            .storage(view.kind, view.key, view.count)
            .int(view.offset)
            .tuple(view.shape)
            .tuple(view.strides)
            .op(&[0x89])
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    /// A whole state dict of one tensor.
    pub(crate) fn state_dict(view: &View<'_>) -> Vec<u8> {
        Self::new().op(b"}").text("x").tensor(view).op(b"s.").0
    }
}

/// A tensor as a pickle describes it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) kind: &'a str,
    pub(crate) key: &'a str,
    pub(crate) count: i64,
    pub(crate) offset: i64,
    pub(crate) shape: &'a [i64],
    pub(crate) strides: &'a [i64],
}

impl View<'_> {
    /// Four floats in a row.
    pub(crate) const FOUR: View<'static> = View {
        kind: "FloatStorage",
        key: "0",
        count: 4,
        offset: 0,
        shape: &[4],
        strides: &[1],
    };
}

/// One entry of a zip.
#[derive(Clone)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) content: &'a [u8],
    pub(crate) method: u16,
    pub(crate) flags: u16,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(name: &'a str, content: &'a [u8]) -> Self {
        Self {
            name,
            content,
            method: 0,
            flags: 0,
        }
    }

    fn after_versions(&self) -> Vec<u8> {
        let size = u32::try_from(self.content.len())
            .expect("small")
            .to_le_bytes();
        let name = u16::try_from(self.name.len()).expect("short").to_le_bytes();
        let mut fields = [self.flags.to_le_bytes(), self.method.to_le_bytes()].concat();
        fields.extend([0; 8]); // time, date, checksum
        fields.extend([size, size].concat());
        fields.extend([name, [0, 0]].concat());
        fields
    }

    fn local(&self) -> Vec<u8> {
        let head = [b"PK\x03\x04\x00\x00", self.after_versions().as_slice()].concat();
        [head.as_slice(), self.name.as_bytes(), self.content].concat()
    }

    fn central(&self, at: usize) -> Vec<u8> {
        let mut head = [
            b"PK\x01\x02\x00\x00\x00\x00",
            self.after_versions().as_slice(),
        ]
        .concat();
        head.extend([0; 10]); // comment, disk, attributes
        head.extend(u32::try_from(at).expect("small").to_le_bytes());
        [head.as_slice(), self.name.as_bytes()].concat()
    }
}

/// A zip whose directory says that each entry lies where `places` says, by default where it does.
pub(crate) fn zip_at(entries: &[Entry<'_>], places: &[(usize, usize)]) -> Vec<u8> {
    let (mut file, mut starts) = (Vec::new(), Vec::new());
    for entry in entries {
        starts.push(file.len());
        file.extend(entry.local());
    }
    for &(entry, start) in places {
        starts[entry] = start;
    }
    let directory = file.len();
    for (entry, start) in entries.iter().zip(starts) {
        file.extend(entry.central(start));
    }
    let size = u32::try_from(file.len() - directory)
        .expect("small")
        .to_le_bytes();
    let start = u32::try_from(directory).expect("small").to_le_bytes();
    let count = u16::try_from(entries.len()).expect("few").to_le_bytes();
    file.extend(
        [
            b"PK\x05\x06\x00\x00\x00\x00".as_slice(),
            &count,
            &count,
            &size,
            &start,
        ]
        .concat(),
    );
    file.extend([0, 0]);
    file
}

pub(crate) fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    zip_at(entries, &[])
}

/// The zip of a state dict with storage `0`.
pub(crate) fn torch_zip(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    zip(&[
        Entry::new("a/data.pkl", pickle),
        Entry::new("a/byteorder", b"little"),
        Entry::new("a/data/0", storage),
    ])
}

/// The old format: everything around the state dict's pickle, and its storages.
pub(crate) fn torch_legacy(pickle: &[u8], storages: &[(&str, i64, &[u8])]) -> Vec<u8> {
    let magic = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let mut file = Pickle::new().op(&[0x8a, 10]).op(&magic).op(b".").0;
    file.extend(Pickle::new().int(1001).op(b".").0);
    file.extend(
        Pickle::new()
            .op(b"}")
            .text("little_endian")
            .op(&[0x88])
            .op(b"s.")
            .0,
    );
    file.extend(pickle);
    let keys = Pickle::new().op(b"](");
    file.extend(
        storages
            .iter()
            .fold(keys, |keys, (key, ..)| keys.text(key))
            .op(b"e.")
            .0,
    );
    for (_, count, bytes) in storages {
        file.extend(count.to_le_bytes());
        file.extend(*bytes);
    }
    file
}

pub(crate) fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

//! The table of contents of an uncompressed zip: where each entry's bytes lie in the file.
//!
//! After PKWARE's APPNOTE.TXT (sections 4.3.7 to 4.5.3). Storages are read where they lie, so every
//! entry must be stored as it is; entries that share bytes or a name are refused, since two readers
//! could disagree on what such a file holds.

use std::collections::BTreeMap;
use std::ops::Range;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const END_64_LOCATOR: u32 = 0x0706_4b50;

const LOCAL_HEADER_BYTES: usize = 30;
const END_BYTES: usize = 22;
const END_64_LOCATOR_BYTES: usize = 20;
/// A comment after the end record is at most this long.
const MAX_COMMENT_BYTES: usize = 0xffff;

/// Entries by name, with the range of the file that is their content.
pub(super) fn directory(file: &[u8]) -> Result<BTreeMap<&str, Range<usize>>, String> {
    let end = End::find(file)?;
    let mut header = Fields {
        bytes: file,
        at: end.directory,
    };
    let mut entries = BTreeMap::new();
    let mut taken = Vec::new();
    for _ in 0..end.entries {
        let (name, whole, content) = entry(file, &mut header, end.directory)?;
        if entries.insert(name, content).is_some() {
            return Err(format!("zip entry '{name}' is there twice"));
        }
        taken.push((whole.start, whole.end, name));
    }
    if header.at > end.at {
        return Err("its zip directory runs over its end".to_owned());
    }
    taken.sort_unstable();
    for pair in taken.windows(2) {
        if pair[0].1 > pair[1].0 {
            return Err(format!(
                "zip entries '{}' and '{}' overlap",
                pair[0].2, pair[1].2
            ));
        }
    }
    Ok(entries)
}

/// One entry of the directory: its name, all its bytes with the local header, and its content.
fn entry<'a>(
    file: &'a [u8],
    header: &mut Fields<'a>,
    limit: usize,
) -> Result<(&'a str, Range<usize>, Range<usize>), String> {
    if header.u32()? != CENTRAL_HEADER {
        return Err("its zip directory is damaged".to_owned());
    }
    header.skip(4)?; // versions
    let flags = header.u16()?;
    let method = header.u16()?;
    header.skip(8)?; // time, date, checksum
    let packed = header.u32()?;
    let size = header.u32()?;
    let (name_length, extra_length, comment_length) = (header.u16()?, header.u16()?, header.u16()?);
    header.skip(8)?; // disk, attributes
    let start = header.u32()?;
    let name = std::str::from_utf8(header.take(name_length.into())?)
        .map_err(|_| "a zip entry whose name is not UTF-8".to_owned())?;
    let mut extra = Fields {
        bytes: header.take(extra_length.into())?,
        at: 0,
    };
    header.skip(comment_length.into())?;

    if method != 0 {
        return Err(format!(
            "zip entry '{name}' is compressed (method {method})"
        ));
    }
    if flags & 1 != 0 {
        return Err(format!("zip entry '{name}' is encrypted"));
    }
    let [size, packed, start] = zip64([size, packed, start], &mut extra)?;
    if size != packed {
        return Err(format!(
            "zip entry '{name}' has two sizes, {size} and {packed}"
        ));
    }

    let damaged = || format!("zip entry '{name}' is damaged");
    let start = usize::try_from(start).map_err(|_| damaged())?;
    let mut local = Fields {
        bytes: file,
        at: start,
    };
    if local.u32()? != LOCAL_HEADER {
        return Err(damaged());
    }
    local.skip(LOCAL_HEADER_BYTES - 8)?;
    let (local_name, local_extra) = (local.u16()?, local.u16()?);
    if local.take(local_name.into())? != name.as_bytes() {
        return Err(format!(
            "zip entry '{name}' has another name in its own header"
        ));
    }
    local.skip(local_extra.into())?;
    let end = usize::try_from(size)
        .ok()
        .and_then(|size| local.at.checked_add(size));
    match end {
        Some(end) if end <= limit => Ok((name, start..end, local.at..end)),
        _ => Err(format!(
            "zip entry '{name}' of {size} bytes runs over the end of the data"
        )),
    }
}

/// Values of 0xffffffff stand for 64-bit ones, which follow in this order in the extra field 1.
fn zip64(narrow: [u32; 3], extra: &mut Fields<'_>) -> Result<[u64; 3], String> {
    if !narrow.contains(&u32::MAX) {
        return Ok(narrow.map(u64::from));
    }
    loop {
        let (id, length) = (extra.u16()?, extra.u16()?);
        let content = extra.take(length.into())?;
        if id != 1 {
            continue;
        }
        let mut content = Fields {
            bytes: content,
            at: 0,
        };
        let mut wide = narrow.map(u64::from);
        for value in wide
            .iter_mut()
            .filter(|value| **value == u64::from(u32::MAX))
        {
            *value = content.u64()?;
        }
        return Ok(wide);
    }
}

/// The end record: where the directory is, and how many entries it has.
struct End {
    /// Where this record itself starts.
    at: usize,
    directory: usize,
    entries: u64,
}

impl End {
    fn find(file: &[u8]) -> Result<Self, String> {
        let cut = || "its zip directory is missing: the file is cut".to_owned();
        let last = file.len().checked_sub(END_BYTES).ok_or_else(cut)?;
        // The true end record is the one whose comment reaches exactly to the end of the file.
        let at = (last.saturating_sub(MAX_COMMENT_BYTES)..=last)
            .rev()
            .find(|&at| {
                let mut end = Fields { bytes: file, at };
                end.u32() == Ok(END)
                    && end.skip(16).is_ok()
                    && end.u16() == Ok(u16::try_from(last - at).unwrap_or(u16::MAX))
            })
            .ok_or_else(cut)?;
        let mut end = Fields {
            bytes: file,
            at: at + 4,
        };
        let (disk, directory_disk) = (end.u16()?, end.u16()?);
        end.skip(2)?; // entries on this disk
        let entries = end.u16()?;
        end.skip(4)?; // size of the directory
        let directory = end.u32()?;
        let found = match at.checked_sub(END_64_LOCATOR_BYTES) {
            Some(locator)
                if (Fields {
                    bytes: file,
                    at: locator,
                })
                .u32()
                    == Ok(END_64_LOCATOR) =>
            {
                Self::wide(file, locator)?
            }
            _ if disk != 0 || directory_disk != 0 => {
                return Err("a zip of several parts".to_owned());
            }
            _ => Self {
                at,
                directory: directory as usize,
                entries: entries.into(),
            },
        };
        if found.directory > found.at {
            Err(cut())
        } else {
            Ok(found)
        }
    }

    fn wide(file: &[u8], locator: usize) -> Result<Self, String> {
        let mut fields = Fields {
            bytes: file,
            at: locator + 8,
        };
        let at = usize::try_from(fields.u64()?).map_err(|e| e.to_string())?;
        let mut end = Fields { bytes: file, at };
        if end.u32()? != END_64 {
            return Err("its zip64 end record is damaged".to_owned());
        }
        end.skip(8 + 2 + 2)?; // size of this record, versions
        if end.u32()? != 0 || end.u32()? != 0 {
            return Err("a zip of several parts".to_owned());
        }
        end.skip(8)?; // entries on this disk
        let entries = end.u64()?;
        end.skip(8)?; // size of the directory
        let directory = usize::try_from(end.u64()?).map_err(|e| e.to_string())?;
        Ok(Self {
            at,
            directory,
            entries,
        })
    }
}

/// Little-endian fields, read one after another.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        self.at = end.unwrap_or(self.at);
        taken.ok_or_else(|| "its zip structure runs over its end".to_owned())
    }

    fn skip(&mut self, length: usize) -> Result<(), String> {
        self.take(length).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u16(&mut self) -> Result<u16, String> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }
}

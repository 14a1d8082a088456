//! The first image file directory of a TIFF file, or of EXIF data, which has the same form.
//! Values are read where they lie: nothing is allocated from a size that the file states.

use crate::{DecodeError, Format};

/// The tags that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Tag {
    ImageWidth = 256,
    ImageLength = 257,
    BitsPerSample = 258,
    Compression = 259,
    PhotometricInterpretation = 262,
    FillOrder = 266,
    StripOffsets = 273,
    Orientation = 274,
    SamplesPerPixel = 277,
    RowsPerStrip = 278,
    StripByteCounts = 279,
    PlanarConfiguration = 284,
    T4Options = 292,
    Predictor = 317,
    ColorMap = 320,
    TileWidth = 322,
    TileLength = 323,
    TileOffsets = 324,
    TileByteCounts = 325,
    ExtraSamples = 338,
    SampleFormat = 339,
    JpegTables = 347,
    YCbCrCoefficients = 529,
    YCbCrSubsampling = 530,
    ReferenceBlackWhite = 532,
}

/// A directory's entries, and the file that their values lie in.
pub(crate) struct Directory<'a> {
    file: &'a [u8],
    big_endian: bool,
    /// BigTIFF: 64-bit offsets and counts.
    big: bool,
    entries_at: usize,
    entry_count: usize,
}

/// The integers of one tag.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a> {
    directory: &'a Directory<'a>,
    start: usize,
    size: usize,
    count: usize,
}

impl Numbers<'_> {
    pub(crate) fn get(&self, index: usize) -> Option<u64> {
        let Self {
            directory,
            start,
            size,
            count,
        } = *self;
        (index < count).then(|| directory.integer(start + index * size, size))?
    }
}

impl<'a> Directory<'a> {
    /// The first directory; `None` if the header or the directory does not lie in the file.
    pub(crate) fn first(file: &'a [u8]) -> Option<Self> {
        let &[order, _, v0, v1] = file.first_chunk::<4>()?;
        let big_endian = order == b'M';
        let big = v0.max(v1) == 0x2b;
        let mut directory = Self {
            file,
            big_endian,
            big,
            entries_at: 0,
            entry_count: 0,
        };
        let (offset_at, offset_size, count_size) = if big { (8, 8, 8) } else { (4, 4, 2) };
        let start = usize::try_from(directory.integer(offset_at, offset_size)?).ok()?;
        let count = usize::try_from(directory.integer(start, count_size)?).ok()?;
        directory.entries_at = start.checked_add(count_size)?;
        file.get(directory.entries_at..)?
            .get(..count.checked_mul(directory.entry_size())?)?;
        directory.entry_count = count;
        Some(directory)
    }

    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    fn entry_size(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// An unsigned integer of `size` bytes at `at` in the file.
    fn integer(&self, at: usize, size: usize) -> Option<u64> {
        let bytes = self.file.get(at..at.checked_add(size)?)?;
        let append = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        Some(if self.big_endian {
            bytes.iter().fold(0, append)
        } else {
            bytes.iter().rev().fold(0, append)
        })
    }

    /// The integers of a tag; empty when the tag is missing, of another type, or outside the file.
    pub(crate) fn numbers(&self, tag: Tag) -> impl ExactSizeIterator<Item = u64> + '_ {
        let list = self.list(tag);
        (0..list.count).map(move |index| list.get(index).unwrap_or(0))
    }

    /// The same, to be read in any order.
    pub(crate) fn list(&self, tag: Tag) -> Numbers<'_> {
        let (start, size, count) = self.locate(tag).unwrap_or((0, 1, 0));
        Numbers {
            directory: self,
            start,
            size,
            count,
        }
    }

    /// The bytes of a tag that holds nothing but bytes.
    pub(crate) fn bytes(&self, tag: Tag) -> Option<&'a [u8]> {
        let (start, size, count) = self.locate(tag)?;
        self.file.get(start..start + count).filter(|_| size == 1)
    }

    /// The first integer of a tag.
    pub(crate) fn number(&self, tag: Tag) -> Option<u64> {
        self.numbers(tag).next()
    }

    /// The first `N` fractions of a tag, if it has so many; one that is divided by zero is zero.
    ///
    /// # Errors
    /// When they lie outside the file.
    pub(crate) fn fractions<const N: usize>(
        &self,
        tag: Tag,
    ) -> Result<Option<[f32; N]>, DecodeError> {
        let mut are_fractions = false;
        let located = self.locate_typed(tag, |kind| {
            are_fractions = kind == 5;
            are_fractions.then_some(8)
        });
        let (start, size, count) = match located {
            Some(located) => located,
            None if are_fractions => {
                return Err(Format::Tiff.truncated(format!("the values of {tag:?} are missing")));
            }
            None => return Ok(None),
        };
        let number = |at| self.integer(at, 4).unwrap_or(0) as f64;
        let fraction = |index: usize| {
            let at = start + index * size;
            match number(at + 4) {
                0.0 => 0.0,
                below => (number(at) / below) as f32,
            }
        };
        Ok((count >= N).then(|| std::array::from_fn(fraction)))
    }

    /// Where a tag's integers lie: the start of the first, each one's size, and their count.
    fn locate(&self, tag: Tag) -> Option<(usize, usize, usize)> {
        // What is signed is read as if it were not: a negative number is far too large for everything that is read here.
        self.locate_typed(tag, |kind| match kind {
            1 | 6 | 7 => Some(1),
            3 | 8 => Some(2),
            4 | 9 | 13 => Some(4),
            16 | 18 => Some(8),
            _ => None,
        })
    }

    /// The same of a tag of any type that has a size.
    fn locate_typed(
        &self,
        tag: Tag,
        size_of: impl FnOnce(u64) -> Option<usize>,
    ) -> Option<(usize, usize, usize)> {
        let mut entries =
            (0..self.entry_count).map(|index| self.entries_at + index * self.entry_size());
        let entry = entries.find(|&entry| self.integer(entry, 2) == Some(tag as u64))?;
        let size = size_of(self.integer(entry + 2, 2)?)?;
        // BigTIFF has both the count and the value in 8 bytes, TIFF in 4.
        let inline = if self.big { 8 } else { 4 };
        let count = usize::try_from(self.integer(entry + 4, inline)?).ok()?;
        let bytes = count.checked_mul(size)?;
        let value = entry + 4 + inline;
        let start = if bytes <= inline {
            value
        } else {
            usize::try_from(self.integer(value, inline)?).ok()?
        };
        self.file.get(start..start.checked_add(bytes)?)?;
        Some((start, size, count))
    }
}

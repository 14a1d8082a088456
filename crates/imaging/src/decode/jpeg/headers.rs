use super::color::Model;
use super::cursor::Cursor;
use super::frame::{Coding, Frame};
use super::scan::Scan;
use super::tables::Tables;
use crate::{DecodeError, Format};

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Reads the marker segments in front of, between and behind the scans.
pub(super) struct Headers<'a> {
    /// Where the next marker is looked for: behind a scan header, the scan's data.
    pub(super) cursor: Cursor<'a>,
    pub(super) frame: Option<Frame>,
    pub(super) tables: Tables,
    pub(super) conditioning: Conditioning,
    pub(super) restart_interval: usize,
    scans: usize,
    jfif: bool,
    /// The colour transform of Adobe's marker.
    adobe: Option<u8>,
}

/// What arithmetic coding takes for a small difference of means, by table: powers of two; and the
/// last coefficient that counts as one of the lower ones.
pub(super) struct Conditioning {
    pub(super) dc: [[u8; 2]; 16],
    pub(super) ac: [u8; 16],
}

impl<'a> Headers<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self {
            cursor: Cursor { data: file, at: 2 },
            frame: None,
            tables: Tables::default(),
            conditioning: Conditioning {
                dc: [[0, 1]; 16],
                ac: [5; 16],
            },
            restart_interval: 0,
            scans: 0,
            jfif: false,
            adobe: None,
        }
    }

    /// Goes on with another file, with the tables of the one before.
    pub(super) fn go_on(&mut self, file: &'a [u8]) {
        self.cursor = Cursor { data: file, at: 2 };
    }

    /// What the components mean, by what stands in front of the first scan.
    pub(super) fn model(&self, frame: &Frame) -> Model {
        Model::of(frame, self.jfif, self.adobe)
    }

    /// Reads up to the data of the next scan; `None` where the picture ends.
    pub(super) fn next_scan(&mut self) -> Result<Option<Scan>, DecodeError> {
        let corrupt = |reason: &str| Err(Format::Jpeg.corrupt(reason));
        loop {
            let marker = self.cursor.find_marker()?;
            self.cursor.take_marker();
            match marker {
                END_OF_IMAGE => {
                    // What has no frame may be tables alone, with the picture behind them.
                    let again = [0xff, START_OF_IMAGE];
                    if self.frame.is_some() || !self.cursor.rest().starts_with(&again) {
                        return Ok(None);
                    }
                    self.cursor.take_marker();
                    self.restart_interval = 0;
                    continue;
                }
                // Markers without a payload. Pillow knows no 0x01 in front of the first scan.
                0xd0..=0xd7 => continue,
                0x01 if self.scans > 0 => continue,
                START_OF_IMAGE => return corrupt("it has a second start of image marker"),
                0x01..0xc0 | 0xc8 | 0xde | 0xdf | 0xf0..=0xfd => {
                    return corrupt(&format!("it has a marker {marker:#04x}"));
                }
                0xc0..=0xc3 | 0xc5..=0xcb | 0xcd..=0xcf if self.frame.is_some() => {
                    return corrupt("it has two frame headers");
                }
                _ => {}
            }
            let payload = self.cursor.take_payload()?;
            let Some(payload) = payload else {
                // Application segments, comments and DNL are passed over as they are.
                if matches!(marker, 0xdc | 0xe0..=0xef | 0xfe) {
                    continue;
                }
                return corrupt("a marker segment is shorter than its own length");
            };
            match marker {
                START_OF_SCAN => {
                    let Some(frame) = &self.frame else {
                        return corrupt("a scan precedes the frame header");
                    };
                    self.scans += 1;
                    return Scan::read(payload, frame).map(Some);
                }
                0xc4 => self.tables.read_huffman(payload)?,
                0xcc => self.conditioning.read(payload)?,
                0xdb => self.tables.read_quantization(payload)?,
                0xdd => match *payload {
                    [high, low] => {
                        self.restart_interval = usize::from(u16::from_be_bytes([high, low]))
                    }
                    _ => return corrupt("its restart interval is too long or too short"),
                },
                0xe0 => self.jfif |= payload.starts_with(b"JFIF\0") && payload.len() >= 14,
                0xee => {
                    if let Some(&[b'A', b'd', b'o', b'b', b'e', .., transform]) =
                        payload.first_chunk::<12>()
                    {
                        self.adobe = Some(transform);
                    }
                }
                0xc0..=0xcf => {
                    let coding = Coding::of(marker).ok_or_else(|| {
                        Format::Jpeg.unsupported("lossless or hierarchical coding")
                    })?;
                    self.frame = Some(Frame::read(payload, coding)?);
                }
                _ => {}
            }
        }
    }

    /// Reads what follows the last row, as far as Pillow has it in memory then: it hands libjpeg
    /// the file in pieces of 64 KiB. The end of image marker may be missing.
    pub(super) fn finish(&mut self) -> Result<(), DecodeError> {
        let end = self.cursor.at.next_multiple_of(1 << 16);
        self.cursor.data = self.cursor.data.get(..end).unwrap_or(self.cursor.data);
        match self.next_scan() {
            Ok(None) | Err(DecodeError::Truncated { .. }) => Ok(()),
            Ok(Some(_)) => Err(Format::Jpeg.corrupt("it has a scan behind its last one")),
            Err(error) => Err(error),
        }
    }
}

impl Conditioning {
    fn read(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        let corrupt = || Format::Jpeg.corrupt("its arithmetic conditioning is wrong");
        let (pairs, rest) = payload.as_chunks::<2>();
        for &[place, value] in pairs {
            let table = usize::from(place & 15);
            match place >> 4 {
                0 if value & 15 <= value >> 4 => self.dc[table] = [value & 15, value >> 4],
                1 => self.ac[table] = value,
                _ => return Err(corrupt()),
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(corrupt())
        }
    }
}

use super::color::Model;
use super::frame::Frame;
use crate::decode::jpeg_segments::{START_OF_SCAN, Segments};
use crate::{DecodeError, Format};

/// What a walk over all segments finds, before anything is decoded or allocated.
pub(super) struct Survey {
    pub(super) frame: Frame,
    pub(super) model: Model,
    pub(super) scans: u64,
}

impl Survey {
    /// Also finds out whether the file is there to its end.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (mut frame, mut jfif, mut adobe, mut scans) = (None, false, None, 0);
        for segment in Segments::new(bytes) {
            let segment = segment?;
            match segment.marker {
                START_OF_SCAN => scans += 1,
                0xe0 if scans == 0 => {
                    jfif |= segment.payload.starts_with(b"JFIF\0") && segment.payload.len() >= 14;
                }
                0xee if scans == 0 => {
                    if let Some(&[b'A', b'd', b'o', b'b', b'e', .., transform]) =
                        segment.payload.first_chunk::<12>()
                    {
                        adobe = Some(transform);
                    }
                }
                // The other start of frame markers; 0xc4, 0xc8 and 0xcc are none.
                marker @ (0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                    let process = if marker < 0xc8 {
                        "lossless or hierarchical"
                    } else {
                        "arithmetic"
                    };
                    return Err(Format::Jpeg.unsupported(format!("{process} coding")));
                }
                marker @ 0xc0..=0xc2 => {
                    let progressive = marker == 0xc2;
                    if frame
                        .replace(Frame::read(segment.payload, progressive)?)
                        .is_some()
                    {
                        return Err(Format::Jpeg.corrupt("it has two frame headers"));
                    }
                }
                _ => {}
            }
        }
        let frame = frame.ok_or_else(|| Format::Jpeg.corrupt("it has no frame header"))?;
        let model = Model::of(&frame, jfif, adobe);
        Ok(Self {
            frame,
            model,
            scans,
        })
    }
}

use std::ops::Range;

use fearless_simd::{Level, dispatch};

use super::arithmetic::Arithmetic;
use super::arithmetic_blocks::ArithmeticBlocks;
use super::bands::{self, Painting, Spare, ToBands, with_helpers_for};
use super::bits::Bits;
use super::blocks::{BlockDecoder, Coefficients, ToCoefficients};
use super::canvas::{Canvas, Parts, Room, Strip};
use super::color::Model;
use super::cursor::Cursor;
use super::frame::Frame;
use super::headers::Headers;
use super::progressive::Progressive;
use super::restarts::{self, Piece};
use super::scan::Scan;
use super::sequential::Sequential;
use super::smoothing::{self, Progression};
use super::standard_huffman;
use super::walk::{Blocks, Entropy, walk};
use crate::workers::{Helpers, for_each};
use crate::{DecodeError, Format, LimitExceeded};

/// Encoders write about ten scans, most of which have one component. Each visits all blocks of its
/// components, so that a few kilobytes of empty scans could keep a processor busy for minutes.
const MAX_PASSES: u64 = 64;
/// As many visits of blocks are allowed whatever the picture's size.
const FREE_VISITS: u64 = 1 << 22;

/// Rows of minimum coded units that a thread paints at a time.
const BANDS_A_PIECE: usize = 8;

/// The factors of each component that has begun, in the order of a block's rows.
type Quantization = [Option<[i32; 64]>; 4];

/// Decodes a picture whose only scan has all components.
pub(super) fn decode_one(
    level: Level,
    headers: &mut Headers<'_>,
    frame: &Frame,
    scan: &Scan,
    model: Model,
    pixels: &mut [u8],
) -> Result<(), DecodeError> {
    let mut quantization = Quantization::default();
    choose_quantization(headers, frame, scan, &mut quantization)?;
    let canvas = Canvas::new(level, frame, &quantization, model);
    let mut parts = Parts::new(frame, pixels);
    let (strips, spare) = (parts.strips(frame), Spare::default());
    let walk = Walk::new(level, headers, frame, scan);
    let cursor = &mut headers.cursor;
    if frame.coding.arithmetic {
        let decoder = ArithmeticBlocks::new(scan, false, &headers.conditioning);
        decode_whole(
            &walk,
            cursor,
            Arithmetic::new,
            decoder,
            &canvas,
            &spare,
            strips,
        )?;
    } else {
        standard_huffman::assume(&mut headers.tables);
        let decoder = Sequential::new(scan, &headers.tables)?;
        // Looking for the markers goes through all data, so only where several threads may gain by it.
        let pieces = match bands::most(frame) {
            1 => None,
            _ => restarts::pieces(cursor, frame, scan, walk.interval, BANDS_A_PIECE),
        };
        match pieces {
            Some(pieces) => {
                *cursor = decode_pieces(&walk, cursor, pieces, &decoder, &canvas, strips)?;
            }
            None => decode_whole(&walk, cursor, Bits::new, decoder, &canvas, &spare, strips)?,
        }
    }
    headers.finish()
}

/// Reads a scan from begin to end, while helpers paint what has been read.
fn decode_whole<'d, 's, 'p: 's, E: Entropy<'d>>(
    walk: &Walk<'_>,
    cursor: &mut Cursor<'d>,
    begin: impl FnOnce(Cursor<'d>) -> E,
    decoder: impl BlockDecoder<E>,
    canvas: &'s Canvas<'s>,
    spare: &'s Spare,
    strips: impl Iterator<Item = Strip<'s, 'p>>,
) -> Result<(), DecodeError> {
    with_helpers_for(walk.frame, |helpers| {
        let painting = Painting {
            canvas,
            strips,
            spare,
            helpers,
        };
        let mut bands = ToBands::new(walk.scan, walk.frame, decoder, 0, painting);
        walk.all(cursor, begin, &mut bands)
    })?;
    Ok(())
}

/// Decodes pieces of a scan that begin behind restart markers, several at a time. Returns where the last one ends.
fn decode_pieces<'a, 's, 'p: 's>(
    walk: &Walk<'_>,
    cursor: &Cursor<'a>,
    pieces: Vec<Piece>,
    decoder: &Sequential,
    canvas: &Canvas<'_>,
    mut strips: impl Iterator<Item = Strip<'s, 'p>>,
) -> Result<Cursor<'a>, DecodeError> {
    let mut pieces: Vec<_> = pieces
        .into_iter()
        .map(|piece| {
            let strips: Vec<_> = strips.by_ref().take(piece.bands.len()).collect();
            let data = cursor.data;
            (piece.bands, strips, Ok(Cursor { data, at: piece.at }))
        })
        .collect();
    for_each(pieces.iter_mut(), |(rows, strips, cursor)| {
        let spare = Spare::default();
        let painting = Painting {
            canvas,
            strips: strips.drain(..),
            spare: &spare,
            helpers: &Helpers::none(),
        };
        let first = rows.start;
        let mut bands = ToBands::new(walk.scan, walk.frame, decoder.clone(), first, painting);
        let walked = match cursor {
            Ok(cursor) => walk.rows(rows.clone(), cursor, Bits::new, &mut bands),
            Err(_) => return,
        };
        if let Err(error) = walked {
            *cursor = Err(error);
        }
    });
    let mut ends = pieces.into_iter().map(|(_, _, end)| end);
    ends.try_fold(cursor.clone(), |_, end| end)
}

/// Decodes a picture with several scans, of which `scan` is the first.
pub(super) fn decode_several(
    level: Level,
    headers: &mut Headers<'_>,
    frame: &Frame,
    scan: Scan,
    model: Model,
    pixels: &mut [u8],
) -> Result<(), DecodeError> {
    let mut quantization = Quantization::default();
    let mut components: Vec<Coefficients> =
        frame.components.iter().map(Coefficients::new).collect();
    let mut progression = Progression::new();
    if !frame.coding.progressive {
        standard_huffman::assume(&mut headers.tables);
    }
    let blocks: u64 = (0..components.len())
        .map(|component| frame.blocks(component))
        .sum();
    let mut visits = 0;
    let mut next = Some(scan);
    while let Some(scan) = next {
        let parts = scan.parts.iter();
        visits += parts.map(|part| frame.blocks(part.component)).sum::<u64>();
        if visits > FREE_VISITS.max(blocks * MAX_PASSES) {
            let exceeded = LimitExceeded::Passes {
                passes: visits.div_ceil(blocks),
                max_passes: MAX_PASSES.max(FREE_VISITS / blocks),
            };
            return Err(exceeded.into());
        }
        choose_quantization(headers, frame, &scan, &mut quantization)?;
        progression.begin(&scan);
        progression.last_good = decode_scan(level, headers, frame, &scan, &mut components)?;
        next = headers.next_scan()?;
    }

    let smooth =
        frame.coding.progressive && progression.wants_smoothing(&quantization[..components.len()]);
    let canvas = Canvas::new(level, frame, &quantization, model);
    let mut parts = Parts::new(frame, pixels);
    let mut strips: Vec<_> = parts.strips(frame).collect();
    for_each(
        strips.chunks_mut(BANDS_A_PIECE).enumerate(),
        |(piece, strips)| {
            let mut room = Room::new(frame);
            for (band, strip) in (piece * BANDS_A_PIECE..).zip(strips) {
                let known = components.iter().zip(&frame.components);
                let known = known.map(|(all, component)| all.band(component, band));
                if smooth {
                    let estimated: Vec<_> = components
                        .iter()
                        .enumerate()
                        .map(|(index, all)| {
                            let factors = quantization[index].unwrap_or([0; 64]);
                            smoothing::estimate_band(
                                &progression,
                                frame,
                                index,
                                all,
                                &factors,
                                band,
                            )
                        })
                        .collect();
                    let blocks: Vec<_> = estimated.iter().map(Vec::as_slice).collect();
                    canvas.paint(&blocks, &mut room, strip);
                } else {
                    canvas.paint(&known.collect::<Vec<_>>(), &mut room, strip);
                }
            }
        },
    );
    Ok(())
}

/// A component keeps the quantization table that its first scan found.
fn choose_quantization(
    headers: &Headers<'_>,
    frame: &Frame,
    scan: &Scan,
    quantization: &mut Quantization,
) -> Result<(), DecodeError> {
    for part in &scan.parts {
        let number = frame.components[part.component].quantization;
        let table = headers.tables.quantization.get(number).copied().flatten();
        let kept = &mut quantization[part.component];
        *kept = kept.or(table);
        if kept.is_none() {
            return Err(Format::Jpeg.corrupt("a quantization table is missing"));
        }
    }
    Ok(())
}

/// Adds what a scan brings to the coefficients; returns the last row of minimum coded units that
/// had data.
fn decode_scan(
    level: Level,
    headers: &mut Headers<'_>,
    frame: &Frame,
    scan: &Scan,
    components: &mut [Coefficients],
) -> Result<usize, DecodeError> {
    let progressive = frame.coding.progressive;
    let walk = Walk::new(level, headers, frame, scan);
    let cursor = &mut headers.cursor;
    if frame.coding.arithmetic {
        let decoder = ArithmeticBlocks::new(scan, progressive, &headers.conditioning);
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk.all(cursor, Arithmetic::new, &mut blocks)
    } else if progressive {
        let decoder = Progressive::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk.all(cursor, Bits::new, &mut blocks)
    } else {
        let decoder = Sequential::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk.all(cursor, Bits::new, &mut blocks)
    }
}

/// What reads a scan's blocks.
struct Walk<'a> {
    level: Level,
    frame: &'a Frame,
    scan: &'a Scan,
    interval: usize,
}

impl<'a> Walk<'a> {
    fn new(level: Level, headers: &Headers<'_>, frame: &'a Frame, scan: &'a Scan) -> Self {
        Self {
            level,
            frame,
            scan,
            interval: headers.restart_interval,
        }
    }

    /// Reads all blocks with what `begin` makes of the data at `cursor`, and moves that behind them. Returns the last row of
    /// minimum coded units that had data.
    fn all<'d, E: Entropy<'d>>(
        &self,
        cursor: &mut Cursor<'d>,
        begin: impl FnOnce(Cursor<'d>) -> E,
        blocks: &mut impl Blocks<E>,
    ) -> Result<usize, DecodeError> {
        self.rows(0..self.frame.mcus_high, cursor, begin, blocks)
    }

    /// The same for some rows of minimum coded units, whose data is at `cursor`.
    fn rows<'d, E: Entropy<'d>>(
        &self,
        rows: Range<usize>,
        cursor: &mut Cursor<'d>,
        begin: impl FnOnce(Cursor<'d>) -> E,
        blocks: &mut impl Blocks<E>,
    ) -> Result<usize, DecodeError> {
        let mut entropy = begin(cursor.clone());
        let last_good = dispatch!(self.level, _ => {
            walk(self.scan, self.frame, self.interval, rows, &mut entropy, blocks)
        })?;
        *cursor = entropy.into_cursor();
        Ok(last_good)
    }
}

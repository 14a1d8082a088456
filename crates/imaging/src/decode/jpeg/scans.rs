use fearless_simd::{Level, dispatch};

use super::arithmetic::Arithmetic;
use super::arithmetic_blocks::ArithmeticBlocks;
use super::bands::{Spare, ToBands, with_helpers_for};
use super::bits::Bits;
use super::blocks::{Coefficients, ToCoefficients};
use super::canvas::{Canvas, Parts, Room};
use super::color::Model;
use super::cursor::Cursor;
use super::frame::Frame;
use super::headers::Headers;
use super::progressive::Progressive;
use super::scan::Scan;
use super::sequential::Sequential;
use super::smoothing::{self, Progression};
use super::standard_huffman;
use super::walk::{self, Blocks, Entropy};
use crate::workers::for_each;
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
    let (mut parts, spare) = (Parts::new(frame, pixels), Spare::default());
    let strips = parts.strips(frame);
    let (cursor, interval) = (&mut headers.cursor, headers.restart_interval);
    if frame.coding.arithmetic {
        let decoder = ArithmeticBlocks::new(scan, false, &headers.conditioning);
        with_helpers_for(frame, |helpers| {
            let mut bands = ToBands::new(scan, frame, decoder, strips, &canvas, &spare, helpers);
            walk(
                level,
                cursor,
                Arithmetic::new,
                interval,
                frame,
                scan,
                &mut bands,
            )
        })?;
    } else {
        standard_huffman::assume(&mut headers.tables);
        let decoder = Sequential::new(scan, &headers.tables)?;
        with_helpers_for(frame, |helpers| {
            let mut bands = ToBands::new(scan, frame, decoder, strips, &canvas, &spare, helpers);
            walk(level, cursor, Bits::new, interval, frame, scan, &mut bands)
        })?;
    }
    headers.finish()
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
    let (cursor, interval) = (&mut headers.cursor, headers.restart_interval);
    if frame.coding.arithmetic {
        let decoder = ArithmeticBlocks::new(scan, progressive, &headers.conditioning);
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk(
            level,
            cursor,
            Arithmetic::new,
            interval,
            frame,
            scan,
            &mut blocks,
        )
    } else if progressive {
        let decoder = Progressive::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk(level, cursor, Bits::new, interval, frame, scan, &mut blocks)
    } else {
        let decoder = Sequential::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk(level, cursor, Bits::new, interval, frame, scan, &mut blocks)
    }
}

/// Reads a scan's blocks with what `begin` makes of the data at `cursor`, and moves that behind them.
fn walk<'a, E: Entropy<'a>>(
    level: Level,
    cursor: &mut Cursor<'a>,
    begin: impl FnOnce(Cursor<'a>) -> E,
    restart_interval: usize,
    frame: &Frame,
    scan: &Scan,
    blocks: &mut impl Blocks<E>,
) -> Result<usize, DecodeError> {
    let mut entropy = begin(cursor.clone());
    let last_good = dispatch!(level, _ => {
        walk::walk(scan, frame, restart_interval, &mut entropy, blocks)
    })?;
    *cursor = entropy.into_cursor();
    Ok(last_good)
}

use pulp::Arch;

use super::arithmetic::Arithmetic;
use super::arithmetic_blocks::ArithmeticBlocks;
use super::bits::Bits;
use super::blocks::{Coefficients, ToCoefficients, ToSamples};
use super::cursor::Cursor;
use super::frame::Frame;
use super::headers::Headers;
use super::planes::Planes;
use super::progressive::Progressive;
use super::scan::Scan;
use super::sequential::Sequential;
use super::smoothing::{self, Progression};
use super::standard_huffman;
use super::vectorized::{Transform, Walk};
use super::walk::{Blocks, Entropy};
use crate::{DecodeError, Format, LimitExceeded};

/// Encoders write about ten scans, most of which have one component. Each visits all blocks of its
/// components, so that a few kilobytes of empty scans could keep a processor busy for minutes.
const MAX_PASSES: u64 = 64;
/// As many visits of blocks are allowed whatever the picture's size.
const FREE_VISITS: u64 = 1 << 22;

/// Decodes a picture whose only scan has all components.
pub(super) fn decode_one(
    headers: &mut Headers<'_>,
    frame: &Frame,
    scan: &Scan,
) -> Result<Planes, DecodeError> {
    let mut planes = Planes::new(frame);
    choose_quantization(headers, frame, scan, &mut planes)?;
    let (cursor, interval) = (&mut headers.cursor, headers.restart_interval);
    if frame.coding.arithmetic {
        let decoder = ArithmeticBlocks::new(scan, false, &headers.conditioning);
        let mut blocks = ToSamples::new(scan, frame, decoder, &mut planes);
        walk(cursor, Arithmetic::new, interval, frame, scan, &mut blocks)?;
    } else {
        standard_huffman::assume(&mut headers.tables);
        let decoder = Sequential::new(scan, &headers.tables)?;
        let mut blocks = ToSamples::new(scan, frame, decoder, &mut planes);
        walk(cursor, Bits::new, interval, frame, scan, &mut blocks)?;
    }
    headers.finish()?;
    Ok(planes)
}

/// Decodes a picture with several scans, of which `scan` is the first.
pub(super) fn decode_several(
    headers: &mut Headers<'_>,
    frame: &Frame,
    scan: Scan,
) -> Result<Planes, DecodeError> {
    let mut planes = Planes::new(frame);
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
        choose_quantization(headers, frame, &scan, &mut planes)?;
        progression.begin(&scan);
        progression.last_good = decode_scan(headers, frame, &scan, &mut components)?;
        next = headers.next_scan()?;
    }

    let smooth = frame.coding.progressive && progression.wants_smoothing(&planes.quantization);
    for (index, coefficients) in components.into_iter().enumerate() {
        // A component without a scan stays grey.
        let factors = planes.quantization[index].unwrap_or([0; 64]);
        let plane = &mut planes.samples[index];
        if smooth {
            smoothing::transform(&progression, frame, index, &coefficients, &factors, plane);
        } else {
            Arch::new().dispatch(Transform {
                coefficients: &coefficients,
                table: &factors,
                plane,
            });
        }
    }
    Ok(planes)
}

/// A component keeps the quantization table that its first scan found.
fn choose_quantization(
    headers: &Headers<'_>,
    frame: &Frame,
    scan: &Scan,
    planes: &mut Planes,
) -> Result<(), DecodeError> {
    for part in &scan.parts {
        let number = frame.components[part.component].quantization;
        let table = headers.tables.quantization.get(number).copied().flatten();
        let kept = &mut planes.quantization[part.component];
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
        walk(cursor, Arithmetic::new, interval, frame, scan, &mut blocks)
    } else if progressive {
        let decoder = Progressive::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk(cursor, Bits::new, interval, frame, scan, &mut blocks)
    } else {
        let decoder = Sequential::new(scan, &headers.tables)?;
        let mut blocks = ToCoefficients::new(scan, decoder, components);
        walk(cursor, Bits::new, interval, frame, scan, &mut blocks)
    }
}

/// Reads a scan's blocks with what `begin` makes of the data at `cursor`, and moves that behind them.
fn walk<'a, E: Entropy<'a>>(
    cursor: &mut Cursor<'a>,
    begin: impl FnOnce(Cursor<'a>) -> E,
    restart_interval: usize,
    frame: &Frame,
    scan: &Scan,
    blocks: &mut impl Blocks<E>,
) -> Result<usize, DecodeError> {
    let mut entropy = begin(cursor.clone());
    let last_good = Arch::new().dispatch(Walk {
        scan,
        frame,
        restart_interval,
        entropy: &mut entropy,
        blocks,
    })?;
    *cursor = entropy.cursor().clone();
    Ok(last_good)
}

//! JPEG with Huffman coding, baseline, extended and progressive: the same bytes as libjpeg-turbo
//! with its default settings (which are Pillow's), and an error where libjpeg fills up with grey.

mod bits;
mod color;
mod frame;
mod huffman;
mod idct;
mod planes;
mod progressive;
mod scan;
mod sequential;
mod survey;
mod tables;
mod vectorized;

use pulp::Arch;

use self::frame::Frame;
use self::planes::Planes;
use self::progressive::Coefficients;
use self::scan::Scan;
use self::survey::Survey;
use self::tables::{Tables, read_huffman_tables, read_quantization_tables};
use self::vectorized::{Paint, Sequential, Transform};
use super::jpeg_segments::{START_OF_SCAN, Segments};
use super::{check, finish};
use crate::{DecodeError, Format, LimitExceeded, Limits, RgbImage};

/// Encoders write about ten scans. Each scan passes over the whole picture, so that a few kilobytes
/// of empty ones could keep a processor busy for minutes.
const MAX_SCANS: u64 = 100;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, DecodeError> {
    let survey = Survey::of(bytes)?;
    let frame = survey.frame;
    let samples: usize = frame
        .components
        .iter()
        .map(|component| component.stride * component.rows)
        .sum();
    let (width, height) = (frame.width as u64, frame.height as u64);
    check(Format::Jpeg, limits, width, height, 3)?;
    // Progressive pictures hold two bytes per coefficient until the last scan.
    let per_sample = if frame.progressive { 3 } else { 1 };
    limits.check_bytes(width * height * 3 + samples as u64 * per_sample)?;
    if survey.scans > MAX_SCANS {
        let exceeded = LimitExceeded::Passes {
            passes: survey.scans,
            max_passes: MAX_SCANS,
        };
        return Err(exceeded.into());
    }

    let planes = read_scans(bytes, &frame)?;
    let mut pixels = vec![0; frame.width * frame.height * 3];
    Arch::new().dispatch(Paint {
        frame: &frame,
        planes: &planes,
        model: survey.model,
        pixels: &mut pixels,
    });
    finish(
        Format::Jpeg,
        frame.width as u32,
        frame.height as u32,
        pixels,
    )
}

/// Decodes all scans to samples.
fn read_scans(bytes: &[u8], frame: &Frame) -> Result<Planes, DecodeError> {
    let mut planes = Planes::new(frame);
    let mut tables = Tables::default();
    let mut quantization: [Option<[i32; 64]>; 4] = [None; 4];
    let mut restart_interval = 0;
    let mut coefficients: Vec<Coefficients> = Vec::new();
    if frame.progressive {
        coefficients.extend(frame.components.iter().map(|component| Coefficients {
            blocks: vec![[0; 64]; component.stride / 8 * (component.rows / 8)],
            wide: component.stride / 8,
        }));
    }

    let mut segments = Segments::new(bytes);
    while let Some(segment) = segments.next().transpose()? {
        match segment.marker {
            0xc4 => read_huffman_tables(segment.payload, &mut tables)?,
            0xdb => read_quantization_tables(segment.payload, &mut quantization)?,
            0xdd => {
                let interval = segment.payload.first_chunk::<2>();
                let interval =
                    interval.ok_or_else(|| Format::Jpeg.corrupt("its restart interval"))?;
                restart_interval = usize::from(u16::from_be_bytes(*interval));
            }
            START_OF_SCAN => {
                let scan = Scan::read(segment.payload, frame)?;
                let begun = |component: usize| planes.quantization[component].is_some();
                if !frame.progressive && scan.parts.iter().any(|part| begun(part.component)) {
                    // libjpeg stops behind the scan that completes the picture.
                    continue;
                }
                for part in &scan.parts {
                    // A table that is replaced later stays as it was for this component.
                    let table = quantization[frame.components[part.component].quantization];
                    let kept = &mut planes.quantization[part.component];
                    *kept = kept.or(table);
                    if kept.is_none() {
                        return Err(Format::Jpeg.corrupt("a quantization table is missing"));
                    }
                }
                let data = segments.rest();
                if frame.progressive {
                    let components = &mut coefficients[..];
                    progressive::decode(&scan, frame, &tables, data, restart_interval, components)?;
                } else {
                    Arch::new().dispatch(Sequential {
                        scan: &scan,
                        frame,
                        tables: &tables,
                        data,
                        restart_interval,
                        planes: &mut planes,
                    })?;
                }
            }
            _ => {}
        }
    }
    if planes.quantization.contains(&None) {
        return Err(Format::Jpeg.truncated("a component has no scan"));
    }
    for (component, coefficients) in coefficients.into_iter().enumerate() {
        let Some(table) = planes.quantization[component] else {
            continue;
        };
        let plane = &mut planes.samples[component];
        Arch::new().dispatch(Transform {
            coefficients: &coefficients,
            table: &table,
            plane,
        });
    }
    Ok(planes)
}

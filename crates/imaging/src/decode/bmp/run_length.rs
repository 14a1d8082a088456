use crate::{DecodeError, Format};

/// The indices of a run-length coded picture, one byte each, in the order of the file's rows.
/// Pixels that a jump leaves out are zero.
pub(super) fn unpack(
    data: &[u8],
    width: usize,
    height: usize,
    nibbles: bool,
) -> Result<Vec<u8>, DecodeError> {
    let total = width * height;
    let mut indices = Vec::with_capacity(total);
    let mut x = 0;
    let mut at = 0;
    while indices.len() < total {
        let Some(&[count, value]) = data.get(at..).and_then(<[u8]>::first_chunk) else {
            break;
        };
        at += 2;
        match (count, value) {
            (0, 0) => {
                indices.resize(indices.len().next_multiple_of(width), 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let Some(&[right, up]) = data.get(at..).and_then(<[u8]>::first_chunk) else {
                    break;
                };
                at += 2;
                let jump = usize::from(right) + usize::from(up) * width;
                indices.resize((indices.len() + jump).min(total), 0);
                x = indices.len() % width;
            }
            (0, literals) => {
                let wanted = usize::from(literals).min(total - indices.len());
                let bytes = if nibbles { wanted.div_ceil(2) } else { wanted };
                let Some(stored) = data.get(at..at + bytes) else {
                    break;
                };
                if nibbles {
                    indices.extend((0..wanted).map(|index| nibble(stored[index / 2], index)));
                } else {
                    indices.extend_from_slice(stored);
                }
                x += usize::from(literals);
                // Literals are padded to whole 16-bit words.
                at += bytes + bytes % 2;
            }
            (count, value) => {
                // A run stops at the end of its row.
                let run = usize::from(count).min(width.saturating_sub(x));
                if nibbles {
                    indices.extend((0..run).map(|index| nibble(value, index)));
                } else {
                    indices.resize(indices.len() + run, value);
                }
                x += run;
            }
        }
    }
    if indices.len() < total {
        return Err(Format::Bmp.truncated("rows are missing"));
    }
    indices.truncate(total);
    Ok(indices)
}

/// The `index`th of alternating high and low halves.
fn nibble(byte: u8, index: usize) -> u8 {
    if index.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0x0f
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_literals_jumps_and_row_ends() {
        let data = [
            3, 7, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 1, 1, 2, 9, 1, 8, 0, 1,
        ];
        let indices = unpack(&data, 4, 4, false).unwrap();
        assert_eq!(indices, [7, 7, 7, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 9, 9, 8]);
    }

    #[test]
    fn nibbles_alternate() {
        assert_eq!(unpack(&[5, 0x12], 5, 1, true).unwrap(), [1, 2, 1, 2, 1]);
        assert_eq!(
            unpack(&[0, 5, 0x12, 0x34, 0x50, 0], 5, 1, true).unwrap(),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn missing_rows_are_an_error() {
        for data in [&[][..], &[0, 1], &[3, 7], &[0, 9, 1]] {
            assert!(matches!(
                unpack(data, 4, 4, false),
                Err(DecodeError::Truncated { .. })
            ));
        }
    }

    #[test]
    fn many_runs_past_the_row_end_add_nothing_and_end() {
        let data = [255, 1].repeat(10_000);
        assert!(unpack(&data, 4, 4, false).is_err());
    }
}

//! The inverse cosine transform of Loeffler, Ligtenberg and Moschytz in 32-bit fixed point, with the
//! constants and the rounding of libjpeg's "islow": the same samples to the last bit.

/// Fraction bits of the constants, and of the values between the two passes.
const CONSTANT_BITS: u32 = 13;
const BETWEEN_BITS: u32 = 2;

const fn fixed(value: f64) -> i32 {
    (value * (1 << CONSTANT_BITS) as f64 + 0.5) as i32
}

/// Wrapped to 16 bits.
#[inline(always)]
const fn short(value: i32) -> i32 {
    value as i16 as i32
}

/// One 8-point transform of each column; results are shifted right by `shift`, rounded.
/// Coefficients out of range wrap, and `BETWEEN` the passes saturate, where they do in
/// libjpeg-turbo's vector code. With `HALF`, the last four rows are zero.
#[expect(
    clippy::needless_range_loop,
    reason = "one lane of a vector: the compiler takes eight at once"
)]
#[inline(always)]
fn transform_columns<const BETWEEN: bool, const HALF: bool>(block: &mut [[i32; 8]; 8], shift: u32) {
    let half = 1 << (shift - 1);
    for column in 0..8 {
        let (i0, i1, i2, i3) = (
            block[0][column],
            block[1][column],
            block[2][column],
            block[3][column],
        );
        let (i4, i5, i6, i7) = if HALF {
            (0, 0, 0, 0)
        } else {
            (
                block[4][column],
                block[5][column],
                block[6][column],
                block[7][column],
            )
        };
        let times = |value: i32, factor: i32| value.wrapping_mul(factor);
        let add = i32::wrapping_add;
        let sub = i32::wrapping_sub;

        let shared = times(add(i2, i6), fixed(0.541_196_100));
        let even2 = sub(shared, times(i6, fixed(1.847_759_065)));
        let even3 = add(shared, times(i2, fixed(0.765_366_865)));
        let even0 = times(short(add(i0, i4)), 1 << CONSTANT_BITS);
        let even1 = times(short(sub(i0, i4)), 1 << CONSTANT_BITS);
        let (a, d) = (add(even0, even3), sub(even0, even3));
        let (b, c) = (add(even1, even2), sub(even1, even2));

        let (third, first) = (short(add(i7, i3)), short(add(i5, i1)));
        let turn = times(add(third, first), fixed(1.175_875_602));
        let z1 = times(add(i7, i1), -fixed(0.899_976_223));
        let z2 = times(add(i5, i3), -fixed(2.562_915_447));
        let z3 = add(times(third, -fixed(1.961_570_560)), turn);
        let z4 = add(times(first, -fixed(0.390_180_644)), turn);
        let odd0 = add(times(i7, fixed(0.298_631_336)), add(z1, z3));
        let odd1 = add(times(i5, fixed(2.053_119_869)), add(z2, z4));
        let odd2 = add(times(i3, fixed(3.072_711_026)), add(z2, z3));
        let odd3 = add(times(i1, fixed(1.501_321_110)), add(z1, z4));

        let sums = [
            add(a, odd3),
            add(b, odd2),
            add(c, odd1),
            add(d, odd0),
            sub(d, odd0),
            sub(c, odd1),
            sub(b, odd2),
            sub(a, odd3),
        ];
        for (row, sum) in sums.into_iter().enumerate() {
            let rounded = add(sum, half) >> shift;
            block[row][column] = if BETWEEN {
                rounded.clamp(i16::MIN.into(), i16::MAX.into())
            } else {
                rounded
            };
        }
    }
}

#[inline(always)]
fn transpose(block: &[[i32; 8]; 8]) -> [[i32; 8]; 8] {
    let mut turned = [[0; 8]; 8];
    for row in 0..8 {
        for column in 0..8 {
            turned[column][row] = block[row][column];
        }
    }
    turned
}

/// A quantization table's factors as the transform takes them.
pub(super) fn factors(table: &[i32; 64]) -> [i16; 64] {
    table.map(|factor| factor as i16)
}

/// Dequantizes a block and writes its samples to `plane`, whose rows are `stride` apart.
#[inline(always)]
pub(super) fn inverse(
    coefficients: &[i16; 64],
    table: &[i16; 64],
    plane: &mut [u8],
    stride: usize,
) {
    let rows = coefficients.as_chunks::<8>().0;
    let (means, upper, lower) = (bits(&rows[..1]), bits(&rows[1..4]), bits(&rows[4..]));
    if lower == 0 && upper == 0 && means >> 16 == 0 {
        return inverse_flat(coefficients[0], table[0], plane, stride);
    }
    let mut beyond = 0;
    for (&coefficient, &factor) in coefficients[..8].iter().zip(&table[..8]) {
        let mean = coefficient.wrapping_mul(factor);
        // The bits above those that are left when it is shifted, of either sign.
        beyond |= (mean ^ (mean >> 15)) >> (15 - BETWEEN_BITS);
    }
    if beyond != 0 {
        return inverse_out_of_range(coefficients, table, plane, stride);
    }
    // What is seen of most blocks, in photographs that are large for what they show.
    if lower == 0 && (means | upper) >> 64 == 0 {
        transform::<true>(coefficients, table, plane, stride);
    } else {
        transform::<false>(coefficients, table, plane, stride);
    }
}

/// Which bits are set in any of `rows`, column after column.
#[inline(always)]
fn bits(rows: &[[i16; 8]]) -> u128 {
    let mut any = [0; 8];
    for row in rows {
        for (any, value) in any.iter_mut().zip(row) {
            *any |= value;
        }
    }
    let mut bytes = [0; 16];
    for (bytes, any) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(any) {
        *bytes = any.to_le_bytes();
    }
    u128::from_le_bytes(bytes)
}

/// With `QUARTER`, only the first four rows and columns have coefficients.
#[inline(always)]
fn transform<const QUARTER: bool>(
    coefficients: &[i16; 64],
    table: &[i16; 64],
    plane: &mut [u8],
    stride: usize,
) {
    let mut block = [[0; 8]; 8];
    for (row, values) in block.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            let at = row * 8 + column;
            *value = coefficients[at].wrapping_mul(table[at]).into();
        }
    }
    transform_columns::<true, QUARTER>(&mut block, CONSTANT_BITS - BETWEEN_BITS);
    finish::<QUARTER>(&block, plane, stride);
}

/// The same where columns that have nothing but means may wrap, while the transform saturates.
#[cold]
#[inline(never)]
fn inverse_out_of_range(
    coefficients: &[i16; 64],
    table: &[i16; 64],
    plane: &mut [u8],
    stride: usize,
) {
    if coefficients[8..].iter().any(|&value| value != 0) {
        return transform::<false>(coefficients, table, plane, stride);
    }
    let mut means = [0; 8];
    for ((mean, &coefficient), &factor) in means.iter_mut().zip(coefficients).zip(table) {
        *mean = (coefficient.wrapping_mul(factor) << BETWEEN_BITS).into();
    }
    finish::<false>(&[means; 8], plane, stride);
}

/// The transform of the rows, and the samples. With `HALF`, the last four columns are zero.
#[inline(always)]
fn finish<const HALF: bool>(block: &[[i32; 8]; 8], plane: &mut [u8], stride: usize) {
    let mut block = transpose(block);
    transform_columns::<false, HALF>(&mut block, CONSTANT_BITS + BETWEEN_BITS + 3);
    let block = transpose(&block);
    // All of them first, so that they are made several at a time.
    let mut samples = [[0; 8]; 8];
    for (samples, values) in samples.iter_mut().zip(&block) {
        for (sample, &value) in samples.iter_mut().zip(values) {
            *sample = (value.clamp(-128, 127) + 128) as u8;
        }
    }
    write(&samples, plane, stride);
}

#[inline(always)]
fn write(samples: &[[u8; 8]; 8], plane: &mut [u8], stride: usize) {
    let plane = &mut plane[..7 * stride + 8];
    for (row, samples) in samples.iter().enumerate() {
        plane[row * stride..][..8].copy_from_slice(samples);
    }
}

/// The same for a block that has nothing but its mean.
#[inline(always)]
fn inverse_flat(mean: i16, factor: i16, plane: &mut [u8], stride: usize) {
    let column = mean.wrapping_mul(factor).wrapping_mul(1 << BETWEEN_BITS);
    let value = (i32::from(column) + 16) >> 5;
    let sample = (value.clamp(-128, 127) + 128) as u8;
    write(&[[sample; 8]; 8], plane, stride);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_block_is_the_general_case() {
        for mean in -300..300 {
            let mut coefficients = [0; 64];
            coefficients[0] = mean;
            let (mut general, mut flat) = ([0; 64], [0; 64]);
            transform::<false>(&coefficients, &[7; 64], &mut general, 8);
            inverse_flat(mean, 7, &mut flat, 8);
            assert_eq!(general, flat);
        }
    }

    #[test]
    fn a_block_with_the_first_rows_and_columns_alone_is_the_general_case() {
        let mut random = 7_u32;
        for _ in 0..1000 {
            let mut coefficients = [0; 64];
            for (place, value) in coefficients.iter_mut().enumerate() {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if place / 8 < 4 && place % 8 < 4 {
                    *value = (random >> 16) as i16 >> (random >> 8 & 15);
                }
            }
            let (mut general, mut quarter) = ([0; 64], [0; 64]);
            transform::<false>(&coefficients, &[3; 64], &mut general, 8);
            transform::<true>(&coefficients, &[3; 64], &mut quarter, 8);
            assert_eq!(general, quarter);
        }
    }

    #[test]
    fn close_to_the_exact_transform() {
        let mut coefficients = [0_i16; 64];
        for (index, coefficient) in coefficients.iter_mut().enumerate().take(20) {
            *coefficient = (index as i16 * 37 % 61) - 30;
        }
        let mut samples = [0; 64];
        inverse(&coefficients, &[3; 64], &mut samples, 8);
        for y in 0..8 {
            for x in 0..8 {
                let mut sum = 128.0;
                for v in 0..8 {
                    for u in 0..8 {
                        let scale = |k| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
                        let wave = |position: usize, k: usize| {
                            ((2 * position + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0)
                                .cos()
                        };
                        let value = f64::from(coefficients[v * 8 + u]) * 3.0;
                        sum += scale(u) * scale(v) * value * wave(x, u) * wave(y, v) / 4.0;
                    }
                }
                let error = f64::from(samples[y * 8 + x]) - sum.clamp(0.0, 255.0);
                assert!(error.abs() < 1.0, "{x} {y}: {error}");
            }
        }
    }
}

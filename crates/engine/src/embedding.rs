/// An image's vector, and how the client wants it written.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    /// The vector.
    pub values: Vec<f32>,
    /// How it is written in the answer.
    pub encoding: VectorEncoding,
}

/// How a vector is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorEncoding {
    /// A list of numbers.
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// What a client wants done with a vector. No part of the computation's key: the same vector serves all wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorOptions {
    /// Scale it to length 1.
    pub(crate) normalize: bool,
    pub(crate) encoding: VectorEncoding,
}

impl VectorOptions {
    /// The vector as the client wants it.
    pub(crate) fn apply(self, values: &[f32]) -> Embedding {
        Embedding {
            values: if self.normalize {
                normalized(values)
            } else {
                values.to_vec()
            },
            encoding: self.encoding,
        }
    }
}

/// Scaled to Euclidean length 1; a vector of zeros has no direction, and stays as it is.
fn normalized(values: &[f32]) -> Vec<f32> {
    // The square of a large f32 is beyond f32's range, and well within f64's.
    let squares: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
    let length = squares.sqrt();
    if length == 0.0 {
        return values.to_vec();
    }
    values
        .iter()
        .map(|&x| (f64::from(x) / length) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scaled_to_length_one() {
        assert_eq!(normalized(&[3.0, -4.0]), [0.6, -0.8]);
        assert_eq!(normalized(&[f32::MAX, 0.0]), [1.0, 0.0]);
        assert_eq!(normalized(&[0.0, f32::from_bits(1)]), [0.0, 1.0]);
    }

    #[test]
    fn a_zero_vector_stays_zero() {
        assert_eq!(normalized(&[0.0, 0.0]), [0.0, 0.0]);
        assert!(normalized(&[]).is_empty());
    }
}

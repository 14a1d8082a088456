//! Numbers from a seed, a name and an index, the same on every machine: integers, then arithmetic
//! that IEEE 754 rounds exactly. With seed 0 this is the rule of `parity/formula.py`.

/// 2⁶⁴ divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The numbers of one tensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream(u64);

impl Stream {
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self(fnv1a64(name) ^ splitmix64(seed))
    }

    /// The number at `index`, in [-1, 1), a multiple of 2⁻²³.
    pub(super) fn at(self, index: u64) -> f64 {
        let hash = splitmix64(self.0 ^ index.wrapping_mul(GOLDEN));
        let [.., high2, high1, high0] = hash.to_le_bytes();
        let integer = i32::from_le_bytes([high2, high1, high0, 0]) - (1 << 23);
        f64::from(integer) / f64::from(1 << 23)
    }
}

fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

fn splitmix64(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

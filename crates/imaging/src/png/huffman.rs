//! Prefix codes that are short on the average.

/// A prefix code as deflate has it: for each symbol its bits, the first one lowest, and how many they are. Symbols that do not
/// occur have none.
pub(super) struct Code<const SYMBOLS: usize> {
    pub(super) bits: [u16; SYMBOLS],
    pub(super) lengths: [u8; SYMBOLS],
}

impl<const SYMBOLS: usize> Code<SYMBOLS> {
    /// Of symbols that occur so many times, with at most `limit` bits for one. At least two must occur.
    pub(super) fn new(counts: &[u32; SYMBOLS], limit: usize) -> Self {
        let mut occurring: Vec<usize> = (0..SYMBOLS).filter(|&symbol| counts[symbol] > 0).collect();
        occurring.sort_by_key(|&symbol| counts[symbol]);
        let mut lengths = [0; SYMBOLS];
        let ascending: Vec<u64> = occurring
            .iter()
            .map(|&symbol| counts[symbol].into())
            .collect();
        let of_length = lengths_of(&ascending, limit);
        // The rarest symbols get the longest codes.
        let descending = (1..=limit)
            .rev()
            .flat_map(|length| std::iter::repeat_n(length as u8, of_length[length]));
        for (symbol, length) in occurring.into_iter().zip(descending) {
            lengths[symbol] = length;
        }
        // Codes of the same length follow each other in the order of the symbols, behind the shorter ones.
        let mut next = vec![0_u32; limit + 1];
        for length in 1..limit {
            next[length + 1] = (next[length] + of_length[length] as u32) << 1;
        }
        let mut bits = [0; SYMBOLS];
        for (bits, &length) in bits
            .iter_mut()
            .zip(&lengths)
            .filter(|(_, length)| **length > 0)
        {
            let code = &mut next[usize::from(length)];
            *bits = (*code as u16).reverse_bits() >> (16 - length);
            *code += 1;
        }
        Self { bits, lengths }
    }
}

/// How many codes there are of each length, for symbols that occur so many times, in ascending order.
fn lengths_of(ascending: &[u64], limit: usize) -> Vec<usize> {
    // Huffman's method: the two rarest become one, over and over. Pairs are made in ascending order, so that the rarest is always
    // the first of the symbols or of the pairs.
    let symbols = ascending.len();
    let mut counts = ascending.to_vec();
    let mut parents = vec![0; 2 * symbols];
    let (mut symbol, mut pair) = (0, symbols);
    for parent in symbols..2 * symbols - 1 {
        let mut total = 0;
        for _ in 0..2 {
            let takes_symbol =
                symbol < symbols && (pair == parent || counts[symbol] <= counts[pair]);
            let rarest = if takes_symbol { &mut symbol } else { &mut pair };
            total += counts[*rarest];
            parents[*rarest] = parent;
            *rarest += 1;
        }
        counts.push(total);
    }
    let mut depths = vec![0; 2 * symbols - 1];
    let mut of_length = vec![0; limit + 1];
    for node in (0..2 * symbols - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < symbols {
            of_length[limit.min(depths[node])] += 1;
        }
    }
    // Codes cut to the limit take more room than there is. A pair of them goes: one gets the place beside the longest shorter code,
    // which becomes longer by a bit, and the other one the place of both.
    let room = 1 << limit;
    let mut taken: usize = (1..=limit)
        .map(|length| of_length[length] << (limit - length))
        .sum();
    while taken > room {
        let Some(shorter) = (1..limit).rev().find(|&length| of_length[length] > 0) else {
            break;
        };
        of_length[limit] -= 1;
        of_length[shorter] -= 1;
        of_length[shorter + 1] += 2;
        taken -= 1;
    }
    of_length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All codes together are complete: no room is left, and none is taken twice.
    fn assert_complete<const SYMBOLS: usize>(code: &Code<SYMBOLS>, limit: u32) {
        let taken: u32 = code
            .lengths
            .iter()
            .filter(|length| **length > 0)
            .map(|length| 1 << (limit - u32::from(*length)))
            .sum();
        assert_eq!(taken, 1 << limit);
        let mut seen = vec![false; 1 << limit];
        for (bits, length) in code
            .bits
            .iter()
            .zip(&code.lengths)
            .filter(|(_, length)| **length > 0)
        {
            for rest in 0..1 << (limit - u32::from(*length)) {
                let place = usize::from(*bits) | rest << length;
                assert!(!seen[place], "two codes begin alike");
                seen[place] = true;
            }
        }
    }

    #[test]
    fn frequent_symbols_have_short_codes() {
        let code = Code::new(&[4, 2, 1, 0, 1], 7);
        assert_eq!(code.lengths, [1, 2, 3, 0, 3]);
        assert_eq!(code.bits, [0b0, 0b01, 0b011, 0, 0b111]);
        assert_complete(&code, 7);
    }

    #[test]
    fn no_code_is_longer_than_the_limit() {
        // Unlimited, the rarest of Fibonacci's numbers would get 30 bits.
        let mut counts = [1; 31];
        for at in 2..31 {
            counts[at] = counts[at - 1] + counts[at - 2];
        }
        for limit in [5, 7, 9, 14] {
            let code = Code::new(&counts, limit);
            assert_complete(&code, limit as u32);
            assert!(
                code.lengths
                    .is_sorted_by(|rarer, commoner| rarer >= commoner)
            );
        }
    }

    #[test]
    fn two_symbols_have_a_bit_each() {
        let code = Code::new(&[0, 9, 0, 1], 7);
        assert_eq!(code.lengths, [0, 1, 0, 1]);
        assert_complete(&code, 7);
    }
}

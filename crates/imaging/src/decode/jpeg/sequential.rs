use super::bits::Bits;
use super::blocks::BlockDecoder;
use super::huffman::Table;
use super::scan::Scan;
use super::tables::{Tables, ZIGZAG};
use crate::DecodeError;

/// Huffman codes of blocks with all their coefficients.
#[derive(Clone)]
pub(super) struct Sequential {
    /// For means and for the other coefficients, by the scan's component.
    tables: Vec<(Table, Table)>,
    /// The last mean of each component in the scan, which the next one is stored relative to.
    means: [i32; 4],
}

impl Sequential {
    pub(super) fn new(scan: &Scan, tables: &Tables) -> Result<Self, DecodeError> {
        let tables = scan.parts.iter().map(|part| {
            let (dc, ac) = (tables.dc(part.dc)?, tables.ac(part.ac)?);
            Ok((Table::for_means(dc)?, Table::new(ac)?))
        });
        let tables = tables.collect::<Result<_, DecodeError>>()?;
        let means = [0; 4];
        Ok(Self { tables, means })
    }
}

impl BlockDecoder<Bits<'_>> for Sequential {
    #[inline(always)]
    fn decode(&mut self, bits: &mut Bits<'_>, slot: usize, block: &mut [i16; 64]) {
        let (dc, ac) = &self.tables[slot];
        let mean = &mut self.means[slot];
        let mut reader = bits.reader();
        let (_, difference) = dc.number(&mut reader);
        *mean = mean.wrapping_add(difference);
        block[0] = *mean as i16;
        let mut at = 1;
        while at < 64 {
            let (zeros, number) = ac.number(&mut reader);
            if number == 0 {
                if zeros < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += zeros;
            block[usize::from(ZIGZAG[at] & 63)] = number as i16;
            at += 1;
        }
        let end = reader.end();
        bits.go_on(end);
    }

    fn restart(&mut self) {
        self.means = [0; 4];
    }
}

//! Binary arithmetic coding (annex D of the specification).

use super::arithmetic_states::{EVEN, STATES};
use super::cursor::{Coded, Cursor};
use super::walk::{Entropy, Supply};

/// Decodes one binary decision after the other.
pub(super) struct Arithmetic<'a> {
    cursor: Cursor<'a>,
    /// Where in the interval the code lies, with `spare` more bits than the interval's size.
    code: i64,
    interval: i64,
    spare: i32,
    ended: bool,
    /// The data made no sense; nothing more comes out of it before the next restart.
    pub(super) broken: bool,
}

impl<'a> Arithmetic<'a> {
    pub(super) fn new(cursor: Cursor<'a>) -> Self {
        let mut decoder = Self {
            cursor,
            code: 0,
            interval: 0,
            spare: 0,
            ended: false,
            broken: false,
        };
        decoder.start_again();
        decoder
    }

    /// One decision. `state` is what is known of its probability: a row of the table, and in the
    /// high bit the more probable symbol.
    pub(super) fn bit(&mut self, state: &mut u8) -> bool {
        while self.interval < 0x8000 {
            self.spare -= 1;
            if self.spare < 0 {
                let byte = match self.cursor.coded_byte() {
                    Coded::Byte(byte) => byte,
                    // An encoder leaves out the zeros at the end.
                    Coded::Marker => 0,
                    Coded::End => {
                        self.ended = true;
                        0
                    }
                };
                self.code = self.code << 8 | i64::from(byte);
                self.spare += 8;
                if self.spare < 0 {
                    self.spare += 1;
                    if self.spare == 0 {
                        // The first two bytes are there.
                        self.interval = 0x8000;
                    }
                }
            }
            self.interval <<= 1;
        }
        let row = &STATES[usize::from(*state & 0x7f)];
        let more_probable = *state & 0x80;
        let part = i64::from(row.less_probable);
        self.interval -= part;
        let low = self.interval << self.spare;
        let upper = self.code >= low;
        if !upper && self.interval >= 0x8000 {
            return more_probable != 0;
        }
        // The less probable symbol has the upper part, unless that is the larger one.
        let less = upper != (self.interval < part);
        if upper {
            self.code -= low;
            self.interval = part;
        }
        let symbol = more_probable ^ if less { 0x80 } else { 0 };
        let switched = if less && row.switches { 0x80 } else { 0 };
        *state = (more_probable ^ switched) | row.next[usize::from(!less)];
        symbol != 0
    }

    /// A decision that is as often true as not.
    pub(super) fn even_bit(&mut self) -> bool {
        self.bit(&mut { EVEN })
    }
}

impl<'a> Entropy<'a> for Arithmetic<'a> {
    fn supply(&self) -> Supply {
        if self.ended {
            Supply::Ended
        } else {
            Supply::Enough
        }
    }

    fn cursor(&mut self) -> &mut Cursor<'a> {
        &mut self.cursor
    }

    fn into_cursor(self) -> Cursor<'a> {
        self.cursor
    }

    fn start_again(&mut self) {
        (self.code, self.interval, self.spare) = (0, 0, -16);
        self.broken = false;
    }
}

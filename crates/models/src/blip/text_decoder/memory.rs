use crate::layers::KeyValues;

/// Fewest rows that memory grows by, and the part of itself that it grows by when that is more.
const GROWTH: usize = 64;
const GROWTH_PART: usize = 8;

/// What the decoder has read: for each layer a row for each token, which later tokens attend to. A row that no text refers to
/// any longer is written over; one that is in use stays as it is.
#[derive(Debug)]
pub(in crate::blip) struct Memory {
    layers: Vec<KeyValues>,
    /// How many running texts refer to each row.
    uses: Vec<u32>,
    /// Those to which none does.
    free: Vec<u32>,
    /// How many rows there is room for.
    room: usize,
}

impl Memory {
    /// A memory of nothing. `layers` are empty.
    pub(super) fn new(layers: Vec<KeyValues>) -> Self {
        Self {
            layers,
            uses: Vec::new(),
            free: Vec::new(),
            room: 0,
        }
    }

    /// A row for one text. It is to be written before it is read.
    pub(in crate::blip) fn take(&mut self) -> u32 {
        let row = self.free.pop().unwrap_or_else(|| {
            self.uses.push(0);
            self.uses.len() as u32 - 1
        });
        self.uses[row as usize] = 1;
        row
    }

    /// One text more refers to `rows`.
    pub(in crate::blip) fn share(&mut self, rows: &[u32]) {
        for &row in rows {
            self.uses[row as usize] += 1;
        }
    }

    /// One text less refers to `rows`.
    pub(in crate::blip) fn release(&mut self, rows: &[u32]) {
        for &row in rows {
            let uses = &mut self.uses[row as usize];
            *uses -= 1;
            if *uses == 0 {
                self.free.push(row);
            }
        }
    }

    /// Makes room for the rows that were taken, and for some more, but not for more than `most` in all unless so many were
    /// taken.
    pub(in crate::blip) fn make_room(&mut self, most: usize) {
        let taken = self.uses.len();
        if taken > self.room {
            let grown = self.room + GROWTH.max(self.room / GROWTH_PART);
            self.room = taken.max(grown.min(most));
            for layer in &mut self.layers {
                layer.reserve(self.room);
            }
        }
    }

    /// What it takes.
    pub(in crate::blip) fn bytes(&self) -> usize {
        self.layers.iter().map(KeyValues::bytes).sum()
    }

    pub(super) fn layers(&mut self) -> impl Iterator<Item = &mut KeyValues> {
        self.layers.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn a_row_is_free_when_its_last_text_is_gone() {
        let mut memory = Memory::new(Vec::new());
        let rows = [memory.take(), memory.take(), memory.take()];
        assert_eq!(rows, [0, 1, 2]);
        memory.share(&rows[..2]);
        memory.release(&rows);
        assert_eq!(memory.take(), 2);
        assert_eq!(memory.take(), 3);
        memory.release(&rows[..2]);
        let mut again = [memory.take(), memory.take()];
        again.sort_unstable();
        assert_eq!(again, [0, 1]);
    }

    #[test]
    fn room_is_made_by_and_by_and_no_more_than_is_allowed() {
        let mut memory = Memory::new(Vec::new());
        let mut room = |rows: usize, most| {
            while memory.uses.len() < rows {
                memory.take();
            }
            memory.make_room(most);
            memory.room
        };
        assert_eq!(room(0, 5), 0);
        assert_eq!(room(1, 5), 5);
        assert_eq!(room(6, 1000), 69);
        assert_eq!(room(69, 1000), 69);
        assert_eq!(room(70, 1000), 133);
        assert_eq!(room(900, 1000), 900);
        assert_eq!(room(901, 1000), 1000);
        assert_eq!(room(1001, 1000), 1001);
    }
}

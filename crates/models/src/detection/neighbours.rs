use std::collections::HashMap;

/// Boxes filed by size and place, so that those that may overlap a given one by half or more are found without going
/// through all.
///
/// An intersection over union of 0.5 or more needs sides that differ by a factor of 2 at most, in either direction. So
/// boxes are filed by the power of two below their longer side, and within it by the cell of their first corner, cells
/// being as large as the largest box filed there. An empty box overlaps nothing and is not filed.
#[derive(Default)]
pub(super) struct Neighbours {
    cells: HashMap<Cell, Vec<[f32; 4]>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Cell {
    size: i32,
    x: i64,
    y: i64,
}

impl Neighbours {
    pub(super) fn insert(&mut self, bbox: [f32; 4]) {
        if let Some(size) = size(bbox) {
            let cell = Cell {
                size,
                x: place(bbox[0], size),
                y: place(bbox[1], size),
            };
            self.cells.entry(cell).or_default().push(bbox);
        }
    }

    /// At least those filed boxes that overlap `bbox` by half or more.
    pub(super) fn near(&self, bbox: [f32; 4]) -> impl Iterator<Item = [f32; 4]> {
        let size = size(bbox);
        let sizes = size.into_iter().flat_map(|size| size - 1..=size + 1);
        sizes.flat_map(move |size| self.of_size(bbox, size))
    }

    fn of_size(&self, bbox: [f32; 4], size: i32) -> impl Iterator<Item = [f32; 4]> {
        // A box that overlaps this one starts before its end, and at most one cell before its start.
        let [columns, rows] = [0, 1]
            .map(|axis| place(bbox[axis], size).saturating_sub(1)..=place(bbox[axis + 2], size));
        columns
            .flat_map(move |x| rows.clone().map(move |y| Cell { size, x, y }))
            .filter_map(|cell| self.cells.get(&cell))
            .flatten()
            .copied()
    }
}

/// The power of two at or below the longer side; `None` for a box that is empty or no box.
fn size(bbox: [f32; 4]) -> Option<i32> {
    let sides = [bbox[2] - bbox[0], bbox[3] - bbox[1]];
    let some = sides.iter().all(|side| side.is_finite() && *side > 0.0);
    // The exponent's bits: a rounded logarithm could put two boxes two sizes apart.
    some.then(|| (sides[0].max(sides[1]).to_bits() >> 23) as i32 - 127)
}

/// The cell of a coordinate among boxes of `size`. Grows with the coordinate, however large.
fn place(coordinate: f32, size: i32) -> i64 {
    (f64::from(coordinate) / f64::from(size + 1).exp2()).floor() as i64
}

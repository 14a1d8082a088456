//! A picture with one scan: what reads its data runs ahead, while others turn what was read into pixels.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::blocks::BlockDecoder;
use super::canvas::{Canvas, Room, Strip};
use super::frame::{Component, Frame};
use super::scan::Scan;
use super::walk::Blocks;
use crate::workers::{Helpers, with_helpers};

/// Pictures of fewer pixels are decoded by one thread.
const ALONE_BELOW: usize = if cfg!(test) { 1 } else { 1 << 19 };
/// Most bands that are there at once: enough for several helpers to have work while the reader reads.
const MOST_BANDS: usize = 16;

/// How many bands of the picture are there at once, at most.
pub(super) fn most(frame: &Frame) -> usize {
    if frame.width * frame.height < ALONE_BELOW {
        1
    } else {
        MOST_BANDS.min(frame.mcus_high)
    }
}

/// Runs `work` with helpers, if the picture is large enough to gain by them.
pub(super) fn with_helpers_for<'scope, T>(
    frame: &Frame,
    work: impl FnOnce(&Helpers<'_, 'scope>) -> T,
) -> T {
    if most(frame) > 1 {
        with_helpers(work)
    } else {
        work(&Helpers::none())
    }
}

/// The coefficients of a row of minimum coded units, and room for its samples.
struct Band {
    /// By component, see [`super::blocks::Coefficients`].
    blocks: Vec<Vec<[i16; 64]>>,
    room: Room,
}

impl Band {
    fn new(frame: &Frame) -> Self {
        let components = frame.components.iter();
        let blocks = |component: &Component| vec![[0; 64]; component.band_blocks()];
        Self {
            blocks: components.map(blocks).collect(),
            room: Room::new(frame),
        }
    }

    fn paint(&mut self, canvas: &Canvas<'_>, strip: &mut Strip<'_, '_>) {
        let Self { blocks, room } = self;
        let all: Vec<&[[i16; 64]]> = blocks.iter().map(Vec::as_slice).collect();
        canvas.paint(&all, room, strip);
        for blocks in blocks {
            blocks.fill([0; 64]);
        }
    }
}

/// Bands that have been painted and can be filled again.
#[derive(Default)]
pub(super) struct Spare(Mutex<SpareState>);

#[derive(Default)]
struct SpareState {
    bands: Vec<Band>,
    made: usize,
}

impl Spare {
    /// One of `most`, unless all of them are waiting to be painted.
    fn take(&self, frame: &Frame, most: usize) -> Option<Band> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let band = state.bands.pop();
        if band.is_none() && state.made < most {
            state.made += 1;
            return Some(Band::new(frame));
        }
        band
    }

    fn put(&self, band: Band) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.bands.push(band);
    }
}

/// Who paints bands, and where.
pub(super) struct Painting<'a, 'h, 'scope, S> {
    pub(super) canvas: &'scope Canvas<'scope>,
    /// Of the bands to come.
    pub(super) strips: S,
    pub(super) spare: &'scope Spare,
    pub(super) helpers: &'a Helpers<'h, 'scope>,
}

/// Collects the coefficients of a band, then has it painted.
pub(super) struct ToBands<'a, 'h, 'scope, D, S> {
    frame: &'a Frame,
    decoder: D,
    places: Vec<Place>,
    band: Band,
    painting: Painting<'a, 'h, 'scope, S>,
}

/// Where the blocks of one of the scan's components lie in a band.
struct Place {
    component: usize,
    wide: usize,
    down: usize,
    /// The first row of blocks of the band.
    first: usize,
}

impl<'a, 'h, 'scope, D, S> ToBands<'a, 'h, 'scope, D, S> {
    /// For the bands from `first_band` on.
    pub(super) fn new(
        scan: &Scan,
        frame: &'a Frame,
        decoder: D,
        first_band: usize,
        painting: Painting<'a, 'h, 'scope, S>,
    ) -> Self {
        let places = scan.parts.iter().map(|part| {
            let component = &frame.components[part.component];
            Place {
                component: part.component,
                wide: component.stride / 8,
                down: component.down,
                first: first_band * component.down,
            }
        });
        Self {
            frame,
            decoder,
            places: places.collect(),
            band: Band::new(frame),
            painting,
        }
    }
}

impl<'scope, 'p: 'scope, E, D, S> Blocks<E> for ToBands<'_, '_, 'scope, D, S>
where
    D: BlockDecoder<E>,
    S: Iterator<Item = Strip<'scope, 'p>>,
{
    const KEEPS: bool = false;

    #[inline(always)]
    fn decode(&mut self, entropy: &mut E, slot: usize, x: usize, y: usize) {
        let place = &self.places[slot];
        let blocks = &mut self.band.blocks[place.component];
        let block = &mut blocks[(y - place.first) * place.wide + x];
        self.decoder.decode(entropy, slot, block);
    }

    #[inline(never)]
    fn end_row(&mut self) {
        for place in &mut self.places {
            place.first += place.down;
        }
        let Some(mut strip) = self.painting.strips.next() else {
            return;
        };
        let Painting {
            canvas,
            spare,
            helpers,
            ..
        } = self.painting;
        // So many keep the helpers busy, beside the one that is being filled.
        let most = (2 * helpers.count()).min(most(self.frame) - 1);
        match spare.take(self.frame, most) {
            None => self.band.paint(canvas, &mut strip),
            Some(next) => {
                let mut band = mem::replace(&mut self.band, next);
                helpers.spawn(move || {
                    band.paint(canvas, &mut strip);
                    spare.put(band);
                });
            }
        }
    }

    #[cold]
    fn restart(&mut self) {
        self.decoder.restart();
    }
}

//! Attention of a few queries over keys and values that are kept from call to call, as a text decoder asks.

#![expect(unsafe_code, reason = "vector loads and stores")]

use std::ops::Range;

use rayon::prelude::*;

use super::softmax::softmax;
use crate::Isa;
use crate::buffer::{Shared, written};
use crate::lanes::{Lanes, MOST_LANES};
use crate::product::WithLanes;

/// From so many products of two numbers on, in the scores, heads are split over the threads.
const PARALLEL_FROM: usize = 1 << 17;

/// Keys and values of what can be attended to.
#[derive(Clone, Copy, Debug)]
pub struct CachedRows<'a> {
    /// `[rows, heads, head_size]`.
    pub keys: &'a [f32],
    /// `[rows, heads, head_size]`.
    pub values: &'a [f32],
}

/// Queries that attend to the same rows of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attending<'a> {
    /// How many queries; they follow those of the group before.
    pub queries: usize,
    /// Indices of the rows they see, at least one.
    pub rows: &'a [u32],
}

/// `softmax(q · kᵀ / sqrt(head_size)) · v` for each head, `[queries, heads * head_size]`, where each of `groups` sees rows
/// of its own.
///
/// Splits the heads over the threads of the rayon pool that it is called in.
///
/// # Panics
/// When the groups have other queries than `queries` holds, a group sees nothing or a row that the cache has not, or
/// `heads` does not divide the width of a row.
#[must_use]
pub fn cached_attention(
    isa: Isa,
    queries: &[f32],
    cache: CachedRows<'_>,
    width: usize,
    heads: usize,
    groups: &[Attending<'_>],
) -> Vec<f32> {
    assert!(
        heads > 0 && width > 0 && width.is_multiple_of(heads),
        "{heads} heads of rows of {width}"
    );
    let count: usize = groups.iter().map(|group| group.queries).sum();
    assert_eq!(queries.len(), count * width, "queries length");
    assert_eq!(cache.keys.len(), cache.values.len(), "values length");
    let rows = cache.keys.len() / width;
    let within = |group: &Attending<'_>| {
        !group.rows.is_empty() && group.rows.iter().all(|&row| (row as usize) < rows)
    };
    assert!(
        groups.iter().all(within),
        "rows beyond the {rows} of a cache"
    );
    let write = |to: &mut [std::mem::MaybeUninit<f32>]| {
        let to = Shared::new(to.as_mut_ptr().cast::<f32>());
        let products: usize = groups.iter().map(|it| it.queries * it.rows.len()).sum();
        // A little is done before another thread has woken up.
        let heads_a_task = if products * width < PARALLEL_FROM {
            heads
        } else {
            1
        };
        let all = (0..heads).into_par_iter();
        all.with_min_len(heads_a_task).for_each(|head| {
            isa.with_lanes(Head {
                queries,
                cache,
                width,
                columns: head * (width / heads)..(head + 1) * (width / heads),
                groups,
                to,
            });
        });
    };
    // SAFETY: the heads cover every column of every query's row, so every element is written.
    unsafe { written(queries.len(), write) }
}

/// One head of every group.
struct Head<'a> {
    queries: &'a [f32],
    cache: CachedRows<'a>,
    width: usize,
    columns: Range<usize>,
    groups: &'a [Attending<'a>],
    to: Shared<f32>,
}

impl WithLanes for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let scale = ((self.columns.len() as f32).sqrt()).recip();
        let part = |rows: &'_ [f32], row: usize| -> *const f32 {
            rows[row * self.width..][self.columns.clone()].as_ptr()
        };
        let mut shares = Vec::new();
        let mut query = 0;
        for group in self.groups {
            let seen = group.rows.len();
            let padded = seen.next_multiple_of(L::COUNT);
            shares.clear();
            // Lanes beyond the last row must not win the softmax; their share of the sum is taken as nothing below.
            shares.resize(group.queries * padded, f32::MIN);
            for first in (0..seen).step_by(L::COUNT) {
                let count = L::COUNT.min(seen - first);
                let key = |j: usize| part(self.cache.keys, group.rows[first + j] as usize);
                // Where there are no more the last one is taken again, and what comes of it is not stored.
                let keys: [_; MOST_LANES] = std::array::from_fn(|j| key(j.min(count - 1)));
                for i in 0..group.queries {
                    let query = part(self.queries, query + i);
                    let to = shares[i * padded + first..][..count].as_mut_ptr();
                    // SAFETY: query and keys are slices of a head's columns, and there is room for `count` scores.
                    unsafe {
                        let scores = dots(lanes, query, keys, self.columns.len());
                        lanes.store_first(to, lanes.mul(scores, lanes.splat(scale)), count);
                    }
                }
            }
            for i in 0..group.queries {
                let shares = &mut shares[i * padded..][..padded];
                let total = softmax(lanes, shares, seen);
                let to = self.to.at((query + i) * self.width + self.columns.start);
                let values = group
                    .rows
                    .iter()
                    .map(|&row| part(self.cache.values, row as usize));
                // SAFETY: each value is a slice of a head's columns, and no other task writes this head's columns.
                unsafe { mix(lanes, values, shares, total, self.columns.len(), to) };
            }
            query += group.queries;
        }
    }
}

/// In lane `j` the sum of the products of `len` numbers at `a` with those at `b[j]`.
///
/// # Safety
/// `len` numbers must be readable at `a` and at each of the first `COUNT` of `b`.
#[inline(always)]
unsafe fn dots<L: Lanes>(
    lanes: L,
    a: *const f32,
    b: [*const f32; MOST_LANES],
    len: usize,
) -> L::Vector {
    let mut sums = [lanes.splat(0.0); MOST_LANES];
    for at in (0..len).step_by(L::COUNT) {
        let count = L::COUNT.min(len - at);
        // SAFETY: `count` numbers are left up to `len`.
        unsafe {
            let a = lanes.load_up_to(a.add(at), count);
            for (sum, &b) in sums.iter_mut().zip(&b).take(L::COUNT) {
                *sum = lanes.mul_add(a, lanes.load_up_to(b.add(at), count), *sum);
            }
        }
    }
    // Lane by lane, every vector is a part of its own sum; turned, those parts lie in one lane.
    let turned = lanes.transpose(sums);
    tree(lanes, turned)
}

/// The sum of the first `COUNT` vectors, added up as a tree.
#[inline(always)]
fn tree<L: Lanes>(lanes: L, mut vectors: [L::Vector; MOST_LANES]) -> L::Vector {
    let mut half = L::COUNT / 2;
    while half > 0 {
        for i in 0..half {
            vectors[i] = lanes.add(vectors[i], vectors[i + half]);
        }
        half /= 2;
    }
    vectors[0]
}

/// The sum of `values` by their `shares`, divided by `total`: `len` numbers, written to `to`.
///
/// # Safety
/// `len` numbers must be readable at each of `values` and writable at `to`; there must be a share for each.
#[inline(always)]
unsafe fn mix<L: Lanes>(
    lanes: L,
    values: impl Iterator<Item = *const f32> + Clone,
    shares: &[f32],
    total: f32,
    len: usize,
    to: *mut f32,
) {
    const AT_ONCE: usize = 4;
    let rest = len % L::COUNT;
    let vectors = len / L::COUNT;
    for first in (0..vectors).step_by(AT_ONCE) {
        let mut sums = [lanes.splat(0.0); AT_ONCE];
        let count = AT_ONCE.min(vectors - first);
        for (value, &share) in values.clone().zip(shares) {
            let share = lanes.splat(share);
            for (v, sum) in sums[..count].iter_mut().enumerate() {
                // SAFETY: vector `first + v` ends within `len`.
                let value = unsafe { lanes.load(value.add((first + v) * L::COUNT)) };
                *sum = lanes.mul_add(share, value, *sum);
            }
        }
        for (v, &sum) in sums[..count].iter().enumerate() {
            let answer = lanes.div(sum, lanes.splat(total));
            // SAFETY: as above.
            unsafe { lanes.store(to.add((first + v) * L::COUNT), answer) };
        }
    }
    if rest > 0 {
        let at = vectors * L::COUNT;
        let mut sum = lanes.splat(0.0);
        for (value, &share) in values.zip(shares) {
            // SAFETY: `rest` numbers are left up to `len`.
            let value = unsafe { lanes.load_first(value.add(at), rest) };
            sum = lanes.mul_add(lanes.splat(share), value, sum);
        }
        // SAFETY: as above.
        unsafe { lanes.store_first(to.add(at), lanes.div(sum, lanes.splat(total)), rest) };
    }
}

//! Arrays as a pickle describes them. Their numbers stay in the file until they are asked for.

use super::element::Element;

/// The most dimensions that an attribute of an estimator has, and some more.
pub(super) const MAX_DIMENSIONS: usize = 4;

/// Where an array's bytes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Data<'a> {
    /// In the file, as they are.
    Bytes(&'a [u8]),
    /// In the file as text, a character a byte. Not decoded until it is known to be wanted: the same text may be mentioned any
    /// number of times.
    Latin1(&'a str),
    /// There are none: the elements are objects, or the array never got its state.
    Absent,
}

#[derive(Debug, Clone)]
pub(super) struct Array<'a> {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    /// Whether the first dimension varies fastest.
    pub(super) fortran: bool,
    pub(super) data: Data<'a>,
}

impl Array<'_> {
    /// What `_reconstruct` makes.
    pub(super) const EMPTY: Self = Self {
        element: Element::Object,
        shape: Vec::new(),
        fortran: false,
        data: Data::Absent,
    };

    /// The elements of an array that has one dimension, or one of more than one element. In such an array, both orders are the
    /// same.
    pub(super) fn row(&self) -> Result<Vec<f64>, String> {
        let size = self.element.size().ok_or("an array of objects")?;
        let long = self.shape.iter().filter(|&&side| side != 1).count();
        if long > 1 && self.fortran {
            return Err(format!("an array of shape {:?}", self.shape));
        }
        let decoded;
        let bytes = match self.data {
            Data::Bytes(bytes) => bytes,
            Data::Latin1(text) => {
                decoded = latin1(text)?;
                &decoded
            }
            Data::Absent => return Err("an array without data".to_owned()),
        };
        let wanted = byte_count(&self.shape, size);
        if wanted != Some(bytes.len()) {
            let found = bytes.len();
            return Err(format!(
                "{found} bytes for shape {:?} of {size} each",
                self.shape
            ));
        }
        let elements = bytes.chunks_exact(size).map(|it| self.element.decode(it));
        let row: Option<Vec<f64>> = elements.collect();
        row.ok_or_else(|| format!("an element that is no {:?}", self.element))
    }
}

/// Bytes of an array, if they can be counted.
pub(super) fn byte_count(shape: &[usize], size: usize) -> Option<usize> {
    shape
        .iter()
        .try_fold(size, |bytes, &side| bytes.checked_mul(side))
}

fn latin1(text: &str) -> Result<Vec<u8>, String> {
    let bytes: Result<_, _> = text.chars().map(u8::try_from).collect();
    bytes.map_err(|_| "bytes that are not Latin-1".to_owned())
}

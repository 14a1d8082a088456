use candle_core::Device;

/// The numbers that a model's matrix products multiply. They are added up in f32 either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As the weights are stored upstream.
    F32,
    /// Both operands rounded to bfloat16, 8 bits of mantissa; everything between the products stays f32.
    Bf16,
}

/// Where a model runs and with which numbers. Layers read it once, when they are made.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Holds the weights and does the work.
    pub device: Device,
    /// Of the matrix products.
    pub precision: Precision,
}

use candle_core::Device;
use kernels::{Isa, Precision};

/// Where a model runs and with which numbers. Layers read it once, when they are made.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Holds the weights and does the work.
    pub device: Device,
    /// Of the matrix products. They are added up in f32 either way.
    pub precision: Precision,
    /// The processor's instructions to use where the device is the processor.
    pub isa: Isa,
}

impl Placement {
    /// On `device`, with the best instructions of this processor.
    #[must_use]
    pub fn new(device: Device, precision: Precision) -> Self {
        Self {
            device,
            precision,
            isa: Isa::detect(),
        }
    }
}

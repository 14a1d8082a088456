//! Every kernel against plain loops, on every instruction set that this processor has.

mod area;
mod conv2d;
mod max_pool;
mod reference;

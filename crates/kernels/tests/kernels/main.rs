//! Every kernel against plain loops, on every instruction set that this processor has.

mod area;
mod attention;
mod cached_attention;
mod conv2d;
mod layer_norm;
mod linear;
mod log_sum_exp;
mod max_pool;
mod max_pool2d;
mod patches;
mod reference;
mod roi_align;

use std::fmt;
use std::sync::OnceLock;

/// An instruction set that this processor has.
///
/// A value can only be had from [`Isa::detect`], [`Isa::available`] or [`Isa::PORTABLE`], so holding one proves that its
/// instructions may be run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
}

impl Isa {
    /// Plain Rust that the compiler vectorises for the target's baseline (SSE2 on x86-64, NEON on aarch64).
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest instruction set of this processor. Looked up once.
    #[must_use]
    pub fn detect() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self::PORTABLE))
    }

    /// Every instruction set of this processor, slowest first, so that tests can force each of them.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "x86-64 adds to it")
        )]
        let mut found = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self(Kind::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                found.push(Self(Kind::Avx512));
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16") {
                    found.push(Self(Kind::Avx512Bf16));
                }
            }
        }
        found
    }

    /// Whether products of bf16 are an instruction here.
    #[must_use]
    pub fn multiplies_bf16(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => true,
            _ => false,
        }
    }

    /// Whether they are faster than those of f32, too.
    ///
    /// They are on AMD's processors: 428 GFLOP/s instead of 215 on two cores of Zen 4. On Intel's they would need the
    /// matrix unit, which is not used here: two threads of a Xeon with AMX ran 139 instead of 216.
    #[must_use]
    pub fn multiplies_bf16_faster(self) -> bool {
        self.multiplies_bf16() && is_amd()
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

fn is_amd() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let answer = std::arch::x86_64::__cpuid(0);
        let vendor = [answer.ebx, answer.edx, answer.ecx].map(u32::to_le_bytes);
        vendor.concat() == b"AuthenticAMD"
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

use fearless_simd::Level;

/// This processor's kinds of instructions.
pub(crate) fn levels() -> Vec<Level> {
    let best = Level::new();
    #[cfg(target_arch = "x86_64")]
    let levels = [
        best.as_avx512().map(Level::Avx512),
        best.as_avx2().map(Level::Avx2),
        best.as_sse4_2().map(Level::Sse4_2),
        best.as_sse2().map(Level::Sse2),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let levels = [Some(best)];
    levels.into_iter().flatten().collect()
}

#[test]
fn all_kinds_of_instructions_are_tried() {
    #[cfg(target_arch = "x86_64")]
    assert!(levels().len() > 1 || Level::new().as_sse4_2().is_none());
    assert!(!levels().is_empty());
}

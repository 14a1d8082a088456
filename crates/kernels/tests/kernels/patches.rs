use kernels::patch_rows;

#[test]
fn every_pixel_goes_to_its_place() {
    let (side, patch, channels) = (6, 3, 2);
    let pixels: Vec<f32> = (0..2 * side * side * channels).map(|i| i as f32).collect();
    let rows = patch_rows(&pixels, side, patch, channels);
    assert_eq!(rows.len(), pixels.len());
    for (i, value) in rows.iter().enumerate() {
        let (channel, x, y) = (i % 2, i / 2 % 3, i / 6 % 3);
        let (column, row, image) = (i / 18 % 2, i / 36 % 2, i / 72);
        let at =
            ((image * side + row * patch + y) * side + column * patch + x) * channels + channel;
        assert_eq!(*value, at as f32, "element {i}");
    }
}

#[test]
#[should_panic(expected = "patches of 4 in a side of 6")]
fn a_side_that_is_not_whole_patches_panics() {
    let _ = patch_rows(&[0.0; 36], 6, 4, 1);
}

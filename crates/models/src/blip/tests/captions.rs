//! The whole captioner, words and all, as the engine sees it.

use super::*;

fn blip() -> Blip {
    let text = EVEN.config().text_config;
    Blip {
        network: EVEN.network(&cpu(Precision::F32)),
        tokenizer: Tokenizer::load(&data("blip_tokenizer.json"), 60, text.bos_token_id).unwrap(),
        end: text.sep_token_id,
        vision_gflop: 0.0,
    }
}

fn pixels(level: u8) -> Pixels {
    let levels = (0..27).map(|i| level.wrapping_mul(i)).collect();
    let image = imaging::RgbImage::from_raw(3, 3, levels).unwrap();
    Recipe::blip(32).apply(&image).unwrap()
}

fn options(max_length: usize, num_beams: usize, prompt: Option<&str>) -> CaptionOptions {
    CaptionOptions {
        max_length,
        num_beams,
        prompt: prompt.map(str::to_owned),
    }
}

#[test]
fn captions_come_in_their_order_and_refused_ones_are_theirs_alone() -> anyhow::Result<()> {
    let (blip, images) = (blip(), [pixels(3), pixels(77)]);
    let images = [&images[0], &images[1]];
    let all = [
        options(20, 4, None),
        options(3, 4, Some("a photograph of a cat")),
        options(12, 1, Some("a photograph")),
        options(1, 1, None),
    ];
    let captions: Vec<_> = all.iter().flat_map(|it| [(1, it), (0, it)]).collect();
    let texts = blip.caption(&images, &captions, Interrupt::NEVER)?;
    assert_eq!(texts.len(), captions.len());
    for (caption, text) in captions.iter().zip(&texts) {
        let alone = blip.caption(&images, &[*caption], Interrupt::NEVER)?;
        assert_eq!(alone, std::slice::from_ref(text), "{caption:?}");
    }
    let refused = texts.iter().map(Result::is_err);
    assert_eq!(
        refused.collect::<Vec<_>>(),
        [false, false, true, true, false, false, false, false]
    );
    assert_eq!(
        blip.text_bytes(&all[1]).unwrap_err(),
        texts[2].clone().unwrap_err()
    );
    assert_ne!(texts[0], texts[1], "the images are to differ");
    assert_eq!(texts[6], Ok(String::new()));
    Ok(())
}

/// What the captioner says that images and texts take is what a writer takes for them, or a little more.
#[test]
fn memory_is_told_and_given_back() -> anyhow::Result<()> {
    let (blip, wanted) = (blip(), options(20, 4, None));
    let mut writer = blip.writer();
    assert_eq!(writer.bytes(), 0);
    writer.look(7, &pixels(3), Interrupt::NEVER)?;
    assert_eq!(writer.bytes(), blip.image_bytes());
    writer.begin(1, 7, &wanted)?;
    writer.begin(2, 7, &wanted)?;
    let most = blip.image_bytes() + 2 * blip.text_bytes(&wanted)?;
    writer.step(Interrupt::NEVER)?;
    assert!(!writer.is_empty());
    assert!((blip.image_bytes() + 1..=most).contains(&writer.bytes()));
    writer.give_up(1);
    writer.give_up(2);
    assert!(writer.is_empty());
    assert_eq!(writer.bytes(), blip.image_bytes());
    writer.forget(7);
    assert_eq!(writer.bytes(), 0);
    Ok(())
}

/// A text holds what it needs of its image, even if another image takes the key.
#[test]
fn a_text_about_a_forgotten_image_is_written_on() -> anyhow::Result<()> {
    let (blip, wanted) = (blip(), options(20, 4, None));
    let expected = blip.caption(&[&pixels(3)], &[(0, &wanted)], Interrupt::NEVER)?;
    for replaced in [false, true] {
        let mut writer = blip.writer();
        writer.look(0, &pixels(3), Interrupt::NEVER)?;
        writer.begin(5, 0, &wanted)?;
        writer.step(Interrupt::NEVER)?;
        writer.forget(0);
        assert!(writer.bytes() > blip.image_bytes(), "the text keeps it");
        if replaced {
            writer.look(0, &pixels(77), Interrupt::NEVER)?;
            writer.begin(6, 0, &wanted)?;
        }
        let mut texts = Vec::new();
        while !writer.is_empty() {
            texts.extend(writer.step(Interrupt::NEVER)?);
        }
        let text = texts.into_iter().find(|(key, _)| *key == 5).unwrap().1?;
        assert_eq!(Ok(text), expected[0]);
        assert_eq!(
            writer.bytes(),
            if replaced { blip.image_bytes() } else { 0 }
        );
    }
    Ok(())
}

#[test]
#[should_panic(expected = "image 3 has not been looked at")]
fn a_text_about_no_image_is_the_callers_mistake() {
    let blip = blip();
    let _ = blip.writer().begin(0, 3, &options(20, 4, None));
}

#[test]
fn nobody_waits_for_a_caption() {
    let (blip, image, wanted) = (blip(), pixels(3), options(20, 4, None));
    let captions = [(0, &wanted)];
    let asked = questions(
        |interrupt| blip.caption(&[&image], &captions, interrupt),
        |error| matches!(error, CaptionError::Interrupted(_)),
    );
    let (start, vision, image, step) = (1, 5 * 2, 2, 2 + 1);
    assert!(
        asked >= start + vision + image + 2 * step,
        "{asked} questions"
    );
}

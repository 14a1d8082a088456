//! Texts that come and go at any step are those that are written alone.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::blip::network::Network;
use crate::blip::tests::{EVEN, ODD, Size};
use crate::tensor::Tensor;
use crate::vit::goldens::{cpu, placements};
use crate::{Placement, Precision};

/// Texts of all kinds: greedy and with beams, short and up to the limit, with prompts of up to 15 tokens.
fn wishes(size: &Size) -> Vec<(usize, Wish)> {
    let first = size.config().text_config.bos_token_id;
    let kinds = [
        (4, 20, 1),
        (1, 20, 15),
        (3, 8, 3),
        (8, 23, 2),
        (2, 20, 9),
        (4, 17, 15),
        (1, 1, 1),
        (1, 12, 1),
        (4, 5, 1),
    ];
    let wish = |(number, (beams, max_length, length)): (usize, (usize, usize, usize))| {
        let words = (0..length as u32 - 1).map(|i| 5 + (7 * i + 11 * number as u32) % 50);
        let prompt = std::iter::once(first).chain(words).collect();
        let wish = Wish {
            prompt,
            beams,
            max_length,
        };
        (number % 2, wish)
    };
    kinds.into_iter().enumerate().map(wish).collect()
}

/// A network, what it needs of the two images, texts, and what they are when each is written alone.
struct Case {
    network: Network,
    end: u32,
    images: Vec<Arc<ImageContext>>,
    wishes: Vec<(usize, Wish)>,
    alone: Vec<Vec<u32>>,
}

impl Case {
    fn new(size: &Size, placement: &Placement) -> anyhow::Result<Self> {
        let network = size.network(placement);
        let end = size.config().text_config.sep_token_id;
        let look =
            || -> anyhow::Result<_> { Ok(network.look_at(&size.input(), Interrupt::NEVER)?) };
        let wishes = wishes(size);
        let mut alone = Vec::new();
        for wish in &wishes {
            let texts = network.write(look()?, std::iter::once(wish.clone()), end)?;
            alone.extend(texts.into_iter().flatten());
        }
        let images = look()?.into_iter().map(Arc::new).collect();
        Ok(Self {
            network,
            end,
            images,
            wishes,
            alone,
        })
    }

    fn writer(&self) -> Writer<'_> {
        Writer::new(&self.network.decoder, self.end)
    }

    fn begin(&self, writer: &mut Writer<'_>, text: usize) {
        self.begin_as(writer, text as u64, text);
    }

    fn begin_as(&self, writer: &mut Writer<'_>, key: u64, text: usize) {
        let (image, wish) = &self.wishes[text];
        writer.begin(key, Arc::clone(&self.images[*image]), wish.clone());
    }

    /// Steps until all is written.
    fn finish(&self, writer: &mut Writer<'_>) -> anyhow::Result<()> {
        while !writer.is_empty() {
            self.step(writer)?;
        }
        Ok(())
    }

    fn step(&self, writer: &mut Writer<'_>) -> anyhow::Result<usize> {
        self.step_until(writer, &|| false)
    }

    /// How many texts ended; they are what they are alone.
    fn step_until(
        &self,
        writer: &mut Writer<'_>,
        gone: &(dyn Fn() -> bool + Sync),
    ) -> anyhow::Result<usize> {
        let ended = writer.step(Interrupt::new(gone))?;
        for (key, tokens) in &ended {
            let text = *key as usize % self.wishes.len();
            assert_eq!(tokens.as_ref(), Some(&self.alone[text]), "text {text}");
        }
        Ok(ended.len())
    }

    fn row_bytes(&self) -> usize {
        self.network.decoder.row_bytes()
    }
}

/// Every precision and instruction set of both tiny networks.
fn cases(check: impl Fn(&Case) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for size in [EVEN, ODD] {
        for placement in placements() {
            check(&Case::new(&size, &placement)?)?;
        }
    }
    Ok(())
}

/// In steps of every size, from one token on: prompts are read in pieces, and not all texts go with every step.
#[test]
fn texts_do_not_depend_on_their_company_or_on_how_they_are_cut() -> anyhow::Result<()> {
    cases(|case| {
        for tokens in [[64, 16], [1, 1], [3, 2], [5, 0], [10, 10], [17, 4]] {
            for apart in 0..3 {
                let mut writer = case.writer();
                writer.tokens = tokens;
                let mut ended = 0;
                // One after the other, from the last on at every second turn; a text of each kind is given up midway.
                for (turn, index) in (0..case.wishes.len()).enumerate() {
                    let index = if apart == 1 {
                        case.wishes.len() - 1 - index
                    } else {
                        index
                    };
                    case.begin(&mut writer, index);
                    let other = ((100 + turn) * case.wishes.len() + index) as u64;
                    case.begin_as(&mut writer, other, index);
                    for _ in 0..apart {
                        ended += case.step(&mut writer)?;
                    }
                    writer.give_up(other);
                }
                while !writer.is_empty() {
                    ended += case.step(&mut writer)?;
                }
                assert!(ended >= case.wishes.len(), "{ended} texts ended");
                assert_eq!(writer.bytes(), 0);
            }
        }
        Ok(())
    })
}

#[test]
fn a_step_is_short_and_everybody_gets_a_turn() -> anyhow::Result<()> {
    let case = Case::new(&EVEN, &cpu(Precision::F32))?;
    let mut writer = case.writer();
    writer.tokens = [12, 4];
    let count = 5 * case.wishes.len();
    for key in 0..count {
        case.begin_as(&mut writer, key as u64, key % case.wishes.len());
    }
    while !writer.is_empty() {
        let tokens: usize = writer.going().iter().map(|it| it.tokens).sum();
        assert!(tokens <= 12, "{tokens} tokens");
        case.step(&mut writer)?;
        // Rounds of the texts take at most as many steps as there are texts.
        let waited = writer
            .texts
            .iter()
            .map(|text| writer.steps - text.last_step);
        assert!(waited.max().is_none_or(|steps| steps <= count as u64));
    }
    Ok(())
}

/// While others are written a prompt has its part of each step, and they have theirs.
#[test]
fn a_long_prompt_holds_up_nobody() -> anyhow::Result<()> {
    let case = Case::new(&EVEN, &cpu(Precision::F32))?;
    let mut writer = case.writer();
    writer.tokens = [8, 3];
    case.begin(&mut writer, 0);
    case.step(&mut writer)?;
    case.begin(&mut writer, 1);
    for step in 0..3 {
        let going: Vec<_> = writer.going().iter().map(|it| it.tokens).collect();
        assert_eq!(going.iter().sum::<usize>(), 8, "step {step}: {going:?}");
        assert_eq!(going.len(), 2);
        case.step(&mut writer)?;
    }
    case.finish(&mut writer)
}

/// A thousand texts, three at a time and never none: their rows are those of three.
#[test]
fn rows_are_used_again() -> anyhow::Result<()> {
    let case = Case::new(&EVEN, &cpu(Precision::F32))?;
    let mut writer = case.writer();
    let (short, long) = (8, 3); // indices of texts
    let rows = |text: usize| case.wishes[text].1.rows();
    let most = (2 * rows(short) + rows(long)) * case.row_bytes();
    let (mut begun, mut ended, mut peak) = (0, 0, 0);
    while ended < 1000 {
        while writer.texts.len() < 3 && begun < 1000 {
            let long_ones = writer
                .texts
                .iter()
                .filter(|text| text.most_rows == rows(long));
            let text = if long_ones.count() == 0 { long } else { short };
            let key = begun * case.wishes.len() + text;
            case.begin_as(&mut writer, key as u64, text);
            begun += 1;
        }
        ended += case.step(&mut writer)?;
        peak = peak.max(writer.bytes());
        // A text that nobody wants leaves its rows as well.
        if ended % 7 == 0 && begun < 1000 && writer.texts.len() < 3 {
            let key = (begun * case.wishes.len() + short) as u64;
            case.begin_as(&mut writer, key, short);
            case.step(&mut writer)?;
            writer.give_up(key);
        }
    }
    assert!(peak > 0 && peak <= most, "{peak} bytes, not {most}");
    case.finish(&mut writer)?;
    assert_eq!(writer.bytes(), 0);
    Ok(())
}

/// Rows that texts may come to need, and those that they come to need.
#[test]
fn no_text_needs_more_rows_than_it_says() -> anyhow::Result<()> {
    let case = Case::new(&EVEN, &cpu(Precision::F32))?;
    for (text, (_, wish)) in case.wishes.iter().enumerate() {
        let mut writer = Writer::new(&case.network.decoder, u32::MAX); // to the limit
        case.begin(&mut writer, text);
        let mut peak = 0;
        while !writer.is_empty() {
            writer.step(Interrupt::NEVER)?;
            peak = peak.max(writer.bytes());
        }
        assert!(
            peak <= wish.rows() * case.row_bytes(),
            "{wish:?}: {peak} bytes"
        );
        assert!(peak >= wish.prompt.len().min(wish.rows()) * case.row_bytes());
    }
    Ok(())
}

/// Wherever a step is interrupted, nothing of it is left.
#[test]
fn an_interrupted_step_can_be_taken_again() -> anyhow::Result<()> {
    let case = Case::new(&EVEN, &cpu(Precision::F32))?;
    let questions = EVEN.config().text_config.num_hidden_layers + 1;
    let mut writer = case.writer();
    writer.tokens = [20, 7];
    (0..case.wishes.len()).for_each(|text| case.begin(&mut writer, text));
    let mut interrupted = 0;
    while !writer.is_empty() {
        for yes in 0..questions {
            let asked = AtomicUsize::new(0);
            let gone = || asked.fetch_add(1, Ordering::Relaxed) >= yes;
            let Err(error) = case.step_until(&mut writer, &gone) else {
                break; // It asked less, as it wanted no scores.
            };
            assert!(error.to_string().starts_with("nobody waits"), "{error}");
            interrupted += 1;
        }
        case.step(&mut writer)?;
    }
    assert!(interrupted > 30, "{interrupted} steps");
    Ok(())
}

/// An image of no numbers breaks the texts about it, and those beside them are as ever.
#[test]
fn numbers_that_are_none_are_one_texts_trouble() -> anyhow::Result<()> {
    for placement in placements() {
        let case = Case::new(&EVEN, &placement)?;
        let mut pixels = EVEN.input().into_vec();
        pixels[0] = f32::NAN;
        let input = Tensor::new(pixels, &[2, 32, 32, 3]);
        let mut contexts = case.network.look_at(&input, Interrupt::NEVER)?;
        let broken = Arc::new(contexts.remove(0));
        let mut writer = case.writer();
        for (text, (_, wish)) in case.wishes.iter().enumerate() {
            case.begin(&mut writer, text);
            writer.begin(100 + text as u64, Arc::clone(&broken), wish.clone());
        }
        let mut ended = Vec::new();
        while !writer.is_empty() {
            ended.extend(writer.step(Interrupt::NEVER)?);
        }
        assert_eq!(ended.len(), 2 * case.wishes.len());
        for (key, tokens) in ended {
            match case.alone.get(key as usize) {
                Some(alone) => assert_eq!(tokens.as_ref(), Some(alone), "{placement:?}"),
                // A text that has no room for a word asks for no scores.
                None if case.wishes[key as usize - 100].1.rows() == 0 => {}
                None => assert_eq!(tokens, None, "{placement:?}"),
            }
        }
        assert_eq!(writer.bytes(), 0);
    }
    Ok(())
}

#[test]
#[should_panic(expected = "text 0 is being written already")]
fn a_key_stands_for_one_text() {
    let case = Case::new(&EVEN, &cpu(Precision::F32)).unwrap();
    let mut writer = case.writer();
    case.begin(&mut writer, 0);
    case.begin(&mut writer, 0);
}

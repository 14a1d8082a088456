//! Texts of several requests, written together.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

use models::{
    CaptionError, CaptionOptions, CaptionWriter, EndedCaption, ImageCaptioner, Interrupt, Pixels,
    PromptError,
};

use super::gate::{grey, pixels};
use super::*;
use crate::network::{Loaded, Network};

/// A captioner whose texts say the image's grey, a word a pass, up to their limit. It works while it is open, and remembers
/// which texts were in each pass.
#[derive(Clone, Debug, Default)]
struct Scribe(Arc<(Mutex<Diary>, Condvar)>);

#[derive(Debug, Default)]
struct Diary {
    open: bool,
    looked: Vec<u8>,
    passes: Vec<Vec<u8>>,
}

impl Scribe {
    fn runner(&self, caption_bytes: usize) -> Arc<Runner> {
        let loaded = Loaded::new(Network::Captioner(Box::new(self.clone())), false);
        let model = Lineup::default().model(Role::Captions);
        let mut runner = Runner::stand_in(model, loaded);
        runner.settings.caption_bytes = caption_bytes;
        Arc::new(runner)
    }

    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    fn wait_until(&self, done: impl Fn(&Diary) -> bool) {
        let limit = Duration::from_secs(20);
        let diary = self.0.0.lock().unwrap();
        let waited = self
            .0
            .1
            .wait_timeout_while(diary, limit, |diary| !done(diary));
        assert!(!waited.unwrap().1.timed_out(), "it never came");
    }

    fn passes(&self) -> Vec<Vec<u8>> {
        self.0.0.lock().unwrap().passes.clone()
    }
}

impl ImageCaptioner for Scribe {
    fn image_bytes(&self) -> usize {
        10
    }

    fn text_bytes(&self, options: &CaptionOptions) -> Result<usize, PromptError> {
        Ok(options.max_length)
    }

    fn writer(&self) -> Box<dyn CaptionWriter + '_> {
        Box::new(Sheet {
            scribe: self,
            images: BTreeMap::new(),
            texts: BTreeMap::new(),
        })
    }
}

#[derive(Debug)]
struct Sheet<'a> {
    scribe: &'a Scribe,
    images: BTreeMap<u64, u8>,
    /// Grey, words and limit of each.
    texts: BTreeMap<u64, (u8, usize, usize)>,
}

impl CaptionWriter for Sheet<'_> {
    fn look(
        &mut self,
        key: u64,
        image: &Pixels,
        _interrupt: Interrupt<'_>,
    ) -> Result<(), CaptionError> {
        self.images.insert(key, grey(image));
        let mut diary = self.scribe.0.0.lock().unwrap();
        diary.looked.push(grey(image));
        self.scribe.0.1.notify_all();
        while !diary.open {
            diary = self.scribe.0.1.wait(diary).unwrap();
        }
        Ok(())
    }

    fn forget(&mut self, key: u64) {
        assert!(self.images.remove(&key).is_some());
    }

    fn begin(&mut self, key: u64, image: u64, options: &CaptionOptions) -> Result<(), PromptError> {
        let text = (self.images[&image], 0, options.max_length);
        self.texts.insert(key, text);
        Ok(())
    }

    fn give_up(&mut self, key: u64) {
        assert!(self.texts.remove(&key).is_some());
    }

    fn step(&mut self, _interrupt: Interrupt<'_>) -> Result<Vec<EndedCaption>, CaptionError> {
        let mut diary = self.scribe.0.0.lock().unwrap();
        diary
            .passes
            .push(self.texts.values().map(|text| text.0).collect());
        self.scribe.0.1.notify_all();
        drop(diary);
        // A pass takes its time, so that others come meanwhile.
        std::thread::sleep(Duration::from_micros(20));
        let mut done = Vec::new();
        self.texts.retain(|key, (grey, words, limit)| {
            *words += 1;
            if words == limit {
                done.push((*key, Ok(grey.to_string())));
            }
            words != limit
        });
        Ok(done)
    }

    fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    fn bytes(&self) -> usize {
        0
    }
}

fn ask(
    runner: &Arc<Runner>,
    pixels: &Arc<Pixels>,
    max_length: usize,
) -> tokio::task::JoinHandle<String> {
    let (runner, pixels) = (Arc::clone(runner), Arc::clone(pixels));
    let options = CaptionOptions {
        max_length,
        num_beams: 1,
        prompt: None,
    };
    tokio::spawn(async move {
        match runner
            .run(Input::Caption(pixels, options))
            .await
            .unwrap()
            .output
        {
            Output::Text(text) => text,
            other => panic!("{other:?}"),
        }
    })
}

#[tokio::test]
async fn texts_that_come_while_an_image_is_looked_at_are_written_together() {
    let scribe = Scribe::default();
    let runner = scribe.runner(1000);
    let first = ask(&runner, &pixels(1), 2);
    settle().await;
    scribe.wait_until(|diary| diary.looked == [1]);
    let second = pixels(2);
    let [more, same_image] = [3, 1].map(|length| ask(&runner, &second, length));
    settle().await;
    scribe.open();
    assert_eq!(first.await.unwrap(), "1");
    assert_eq!(more.await.unwrap(), "2");
    assert_eq!(same_image.await.unwrap(), "2");
    assert_eq!(scribe.passes(), [vec![1, 2, 2], vec![1, 2], vec![2]]);
    scribe.wait_until(|diary| diary.looked == [1, 2]);
}

#[tokio::test]
async fn texts_for_which_there_is_no_room_wait_and_a_huge_one_has_all_of_it() {
    let scribe = Scribe::default();
    let runner = scribe.runner(30);
    let first = ask(&runner, &pixels(1), 2);
    settle().await;
    scribe.wait_until(|diary| diary.looked == [1]);
    // 10 for each image: 12 and 13 fit into 30, 14 do not fit beside them.
    let asked = [(2, 3), (3, 4), (4, 50)].map(|(grey, length)| ask(&runner, &pixels(grey), length));
    settle().await;
    scribe.open();
    assert_eq!(first.await.unwrap(), "1");
    for (text, said) in asked.into_iter().zip(["2", "3", "4"]) {
        assert_eq!(text.await.unwrap(), said);
    }
    let passes = scribe.passes();
    assert_eq!(passes[..3], [vec![1, 2], vec![1, 2], vec![2]]);
    assert_eq!(passes[3..7], [[3], [3], [3], [3]]);
    assert_eq!(passes.len(), 7 + 50);
}

#[tokio::test]
async fn a_newcomer_does_not_wait_for_the_end_of_a_long_text() {
    let scribe = Scribe::default();
    scribe.open();
    let runner = scribe.runner(10_000);
    let long = ask(&runner, &pixels(1), 5000);
    settle().await;
    scribe.wait_until(|diary| !diary.passes.is_empty());
    let short = ask(&runner, &pixels(2), 1);
    assert_eq!(short.await.unwrap(), "2");
    assert!(!long.is_finished());
    assert_eq!(long.await.unwrap(), "1");
    assert_eq!(scribe.passes().len(), 5000);
}

#[tokio::test]
async fn a_text_that_nobody_waits_for_is_dropped() {
    let scribe = Scribe::default();
    let runner = scribe.runner(10_000);
    let gone = ask(&runner, &pixels(1), 5000);
    settle().await;
    scribe.wait_until(|diary| diary.looked == [1]);
    let stays = ask(&runner, &pixels(2), 3);
    settle().await;
    gone.abort();
    settle().await;
    scribe.open();
    assert_eq!(stays.await.unwrap(), "2");
    assert_eq!(scribe.passes(), [[2], [2], [2]]);
}
